"""Which versions made a prediction."""

from pipelines.io.message_traces import name_versions
from pipelines.io.tracking import MlflowConfig

MLFLOW = MlflowConfig()
VALUE = {"models": {"intent": "3", "reply": "2", "bot": "9", "slots": "1"}}  # bots are no registered model


def test_a_batch_says_which_versions_it_used() -> None:
    used = ["malgil-intent/3", "malgil-complaint/5", "malgil-seq2seq/2", "malgil-slots/1"]
    assert name_versions(VALUE, used, MLFLOW) == {
        "intent": "malgil-intent/3", "reply": "malgil-seq2seq/2", "complaint": "malgil-complaint/5",
        "slots": "malgil-slots/1",
    }  # fmt: skip


def test_a_live_prediction_says_itself_which_versions_made_it() -> None:
    assert name_versions(VALUE, [], MLFLOW) == {
        "intent": "malgil-intent/3", "reply": "malgil-reply/2", "slots": "malgil-slots/1",
    }  # fmt: skip
    assert name_versions({"models": {"intent": "3", "reply": None}}, [], MLFLOW) == {"intent": "malgil-intent/3"}
