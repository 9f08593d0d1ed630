"""Which versions made a prediction."""

from jobs.trace import name_versions
from pipelines.settings import load_settings

SETTINGS = load_settings([])
VALUE = {"models": {"intent": "3", "reply": "2"}}


def test_a_batch_says_which_versions_it_used() -> None:
    used = ["malgil-intent/3", "malgil-complaint/5", "malgil-seq2seq/2"]
    assert name_versions(VALUE, used, SETTINGS) == {
        "intent": "malgil-intent/3", "reply": "malgil-seq2seq/2", "complaint": "malgil-complaint/5",
    }  # fmt: skip


def test_a_live_prediction_says_itself_which_versions_made_it() -> None:
    assert name_versions(VALUE, [], SETTINGS) == {"intent": "malgil-intent/3", "reply": "malgil-reply/2"}
    assert name_versions({"models": {"intent": "3", "reply": None}}, [], SETTINGS) == {"intent": "malgil-intent/3"}
