"""Which answers are suggested: a trigger, different clusters, and a pair of opposites."""

import numpy as np
import pytest

from pipelines.suggestions import Ranked, Response, ResponseSet, SuggestionsConfig, choose_threshold, suggest

RESPONSES = ResponseSet(
    (
        Response("네, 가능합니다.", "yes", "positive"),
        Response("그럼요.", "yes", "positive"),
        Response("잠시만 기다려 주세요.", "wait", "neutral"),
        Response("확인해 드릴게요.", "confirm", "neutral"),
        Response("어렵습니다.", "no", "negative"),
        Response("여행은 언제나 좋죠.", None, "neutral"),
        Response("저도요.", None, "neutral"),
    ),
    threshold=0.2,
)


@pytest.mark.parametrize(
    ("ranked", "expected"),
    [
        ({2: 0.5, 3: 0.3, 5: 0.1}, [2, 3, 5]),
        ({2: 0.19, 3: 0.1, 5: 0.1}, []),  # the trigger
        ({0: 0.5, 1: 0.3, 2: 0.1, 3: 0.05}, [0, 2, 3]),  # one of a cluster
        ({5: 0.5, 6: 0.3, 2: 0.1}, [5, 6, 2]),  # what is in no cluster is like no other
        ({0: 0.5, 2: 0.3, 3: 0.1, 4: 0.05}, [0, 2, 4]),  # yes is possible, so no is as well
        ({4: 0.5, 2: 0.3, 3: 0.1, 1: 0.05}, [4, 2, 1]),  # and the other way round
        ({0: 0.5, 2: 0.3, 3: 0.1, 4: 0.001}, [0, 2, 3]),  # but not an improbable one
        ({0: 0.5, 4: 0.3, 3: 0.1, 2: 0.05}, [0, 4, 3]),  # both are there already
        ({2: 0.5, 3: 0.3, 0: 0.1, 4: 0.09}, [2, 3, 0]),  # the leading ones say neither
        ({0: 0.9}, [0]),
    ],
)
def test_suggestions(ranked: dict[int, float], expected: list[int]) -> None:
    found = Ranked(list(ranked), list(ranked.values()))
    assert suggest(found, RESPONSES, SuggestionsConfig()) == expected


def test_only_the_most_probable_ones_count() -> None:
    assert suggest(Ranked([2, 3, 5, 6], [0.4, 0.3, 0.2, 0.1]), RESPONSES, SuggestionsConfig(count=2)) == [2, 3]


def test_the_threshold_is_the_lowest_with_enough_precision() -> None:
    best, is_hit = np.array([0.1, 0.9, 0.5, 0.7, 0.3]), np.array([False, True, True, False, False])
    assert choose_threshold(best, is_hit, min_precision=0.6) == 0.5
    assert choose_threshold(best, is_hit, min_precision=0.4) == 0.1
    assert choose_threshold(best, np.zeros(5, bool), min_precision=0.4) > 1


def test_a_response_set_is_read_as_it_was_written() -> None:
    assert ResponseSet.from_json(RESPONSES.to_json()) == RESPONSES
