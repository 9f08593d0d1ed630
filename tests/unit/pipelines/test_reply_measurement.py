"""Numbers about suggestions, the rule that promotes by them, and the page that shows them."""

import pytest

from models.ranking import RankingScore
from pipelines.reply_measurement import Suggested, find_threshold, score_suggestions
from pipelines.reply_promotion import ReplyPromotionConfig, decide_reply_promotion
from pipelines.reply_samples import render_samples
from pipelines.suggestions import Response

YES = Response("그럼요 가능합니다", "yes", "positive")
SURE = Response("네 가능합니다", "yes", "positive")
WAIT = Response("잠시만 기다려 주세요", None, "neutral")
KNOWN = (YES, SURE, WAIT)
SUGGESTED = [
    Suggested("되나요", "네, 가능합니다!", (YES,), 0.9),  # another one of its cluster
    Suggested("언제요", "잠시만 기다려 주세요.", (YES, WAIT), 0.8),  # the same but for a sign
    Suggested("왜요", "몰라요", (WAIT,), 0.6),
    Suggested("<b>", "글쎄요", (), 0.1),
]


def test_suggestions_are_right_if_one_is_the_answer_or_of_its_cluster() -> None:
    score = score_suggestions(SUGGESTED, KNOWN)
    assert (score.coverage, score.precision) == (0.75, pytest.approx(2 / 3))
    assert score.distinct_1 == pytest.approx(5 / 10)  # 그럼요 가능합니다 잠시만 기다려 주세요
    assert score.distinct_2 == pytest.approx(3 / 6)


def test_the_trigger_is_chosen_by_what_was_right() -> None:
    assert find_threshold(SUGGESTED, KNOWN, min_precision=0.6) == 0.6
    assert find_threshold(SUGGESTED, KNOWN, min_precision=1.0) == 0.8


def test_what_people_said_is_escaped_on_the_page() -> None:
    page = render_samples(SUGGESTED)
    assert '<td>&lt;b&gt;<td>글쎄요<td colspan="3"><small>none: 0.100' in page
    assert "그럼요 가능합니다 <small>positive" in page
    assert "4 of 4 held-out questions" in page
    assert "3 of all get suggestions" in page


@pytest.mark.parametrize(
    ("recall", "champion", "promoted"),
    [(0.5, None, True), (0.29, None, False), (0.5, 0.51, True), (0.5, 0.53, False), (0.29, 0.1, False)],
)
def test_a_model_is_promoted_unless_it_is_worse(recall: float, champion: float | None, promoted: bool) -> None:
    score = RankingScore(10, 100, 0.1, recall, 0.2)
    assert decide_reply_promotion(score, champion, ReplyPromotionConfig()).promoted is promoted
