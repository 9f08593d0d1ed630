"""Slots as data sets mark them."""

import pytest

from udfs.annotations import Span, read_annotation

TEXT = "내일 아침 아홉 시 에 깨워 줘"
SPANS = [Span("date", 0, 2), Span("time", 3, 10)]


@pytest.mark.parametrize(
    "annotation",
    [
        "[date : 내일] [time : 아침 아홉 시] 에 깨워 줘",
        "[date: 내일 ] [time :아침 아홉 시] 에 깨워 줘",
        '[{"slot": "time", "start": 3, "end": 10}, {"slot": "date", "start": 0, "end": 2}]',
    ],
)
def test_both_forms_are_read_in_the_order_of_the_text(annotation: str) -> None:
    assert read_annotation(annotation, TEXT) == SPANS


@pytest.mark.parametrize(
    "annotation",
    [
        "[date : 모레] [time : 아침 아홉 시] 에 깨워 줘",  # of another text
        "[date : ]내일 아침 아홉 시 에 깨워 줘",
        '[{"slot": "date", "start": 0, "end": 2}, {"slot": "time", "start": 1, "end": 3}]',
        '[{"slot": "date", "start": 0, "end": 99}]',
        '[{"slot": "date", "start": 2, "end": 2}]',
        '[{"slot": "a date", "start": 0, "end": 2}]',
        '[{"slot": "date", "start": "0", "end": 2}]',
        '[{"name": "date"}]',
        "[1]",
    ],
)
def test_what_cannot_be_of_the_text_is_refused(annotation: str) -> None:
    assert read_annotation(annotation, TEXT) is None


def test_a_text_may_have_no_slots_and_brackets_of_its_own() -> None:
    assert read_annotation("[]", TEXT) == []
    assert read_annotation("[이메일]로 보내 줘", "[이메일]로 보내 줘") == []
