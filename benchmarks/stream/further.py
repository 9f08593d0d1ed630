"""Champions of a prediction's further parts: labels of two tasks, and replies, by models with random weights."""

from typing import Any

from benchmarks.predict_batch import build_model
from models.dual_encoder_config import REPLY, DualEncoderConfig
from pipelines.encoding import TextEncoder
from pipelines.io.registry import promote, register_model
from pipelines.io.tracking import MlflowConfig, Tracking, start_run
from pipelines.replies import RESPONSES
from pipelines.responses import ResponsesConfig
from pipelines.suggestions import Response, ResponseSet


def promote_further(tracking: Tracking, texts: list[str]) -> None:
    """Make them; the answers are the first ones of the texts, as many as there may be, and each message gets three."""
    names = MlflowConfig()
    for task, name in names.label_models.items():
        network, encoder = build_model(texts, intents=2)
        _promote(tracking, name, task, network=network, encoder=encoder, documents={})
    network, encoder, responses = _build_replier(texts)
    _promote(tracking, names.reply_model, "reply", network=network, encoder=encoder,
             documents={RESPONSES: responses.to_json()})  # fmt: skip


def _promote(tracking: Tracking, name: str, training_id: str, **files: Any) -> None:
    run = start_run(tracking, training_id, parameters={}, tags={})
    promote(tracking, name, register_model(run, name, snapshot="0", metrics={}, **files))


def _build_replier(texts: list[str]) -> tuple[Any, TextEncoder, ResponseSet]:
    from models.dual_encoder import answer_vectors, build_network, build_selector  # TensorFlow: 4 s

    answers = tuple(dict.fromkeys(texts))[: ResponsesConfig().max_responses]
    encoder = TextEncoder(build_model(texts, intents=2)[1].features, answers)
    inputs = {prefix + name: spec for prefix in ("", REPLY) for name, spec in encoder.inputs.items()}
    network = build_network(inputs, classes=0, config=DualEncoderConfig())
    selector = build_selector(network, answer_vectors(network, encoder.encode(answers)))
    return selector, encoder, ResponseSet(tuple(Response(text, None, "neutral") for text in answers), threshold=0.0)
