"""Units of a text, and slots as their tags."""

from udfs.annotations import Span
from udfs.tagging_units import ASPECTS, find_spans, list_aspects, may_follow, read_units, tag_units

TEXT = "내일 김철수한테 [이메일]로 메일 보내줘"


def test_units_are_the_morphemes_where_they_stand() -> None:
    units = read_units(TEXT)
    assert [unit.text for unit in units] == ["내일", "김철수", "한테", "[이메일]", "로", "메일", "보내", "줘"]
    assert all(TEXT[unit.start : unit.end] == unit.text for unit in units)
    assert units[3].tag == "MASK"


def test_each_unit_has_its_aspects_and_none_holds_a_blank() -> None:
    units = read_units(TEXT)
    aspects = list_aspects(TEXT, units)
    assert {name: len(of_units) for name, of_units in aspects.items()} == dict.fromkeys(ASPECTS, len(units))
    assert {name: aspects[name][1] for name in ASPECTS} == {
        "morphemes": "김철수/NNP", "places": "NNP|^", "first_letters": "김", "last_letters": "수",
        "beginnings": "김철+", "endings": "+철수", "eojeols": "김철수한테",
            "pairs": "내일|김철수",
    }  # fmt: skip
    assert not any(token.split() != [token] for of_units in aspects.values() for token in of_units)
    assert list_aspects(" ", read_units(" ")) == {name: [] for name in ASPECTS}


def test_slots_become_tags_and_come_back() -> None:
    text = "내일 아침 아홉 시 에 깨워 줘"
    units, spans = read_units(text), [Span("date", 0, 2), Span("time", 3, 10)]
    tags = tag_units(units, spans)
    assert tags is not None
    assert tags[:5] == ["B-date", "B-time", "I-time", "I-time", "O"]
    assert find_spans(units, tags) == spans


def test_a_slot_that_cuts_a_unit_has_no_tags() -> None:
    assert tag_units(read_units("내일 봐"), [Span("date", 0, 1)]) is None


def test_values_that_touch_stay_apart_and_one_without_a_beginning_begins() -> None:
    units = read_units("내일 모레 글피")
    assert find_spans(units, ["B-date", "B-date", "I-time"]) == [
        Span("date", 0, 2), Span("date", 3, 5), Span("time", 6, 8),
    ]  # fmt: skip
    assert may_follow("B-date", "I-date")
    assert not may_follow("B-time", "I-date")
    assert not may_follow(None, "I-date")
    assert may_follow(None, "B-date")
