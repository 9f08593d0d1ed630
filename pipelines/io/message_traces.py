"""One prediction followed back: where its message stood, what predicted it, and how that came about."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pipelines.errors import MalgilError
from pipelines.io.ancestry import Ancestor, find_ancestry
from pipelines.io.kafka_topics import KafkaConfig
from pipelines.io.redis_connection import RedisConfig
from pipelines.io.run_records import RunRecord, list_records
from pipelines.io.store import Store
from pipelines.io.traced_messages import TracedPrediction, find_prediction, find_record, find_source, read_time
from pipelines.io.tracking import MlflowConfig


@dataclass(frozen=True)
class MessageTrace:
    """All that the store, Redis and Kafka tell of a prediction."""

    found: TracedPrediction
    source: Mapping[str, Any] | None  # of the message: a file, or topic, partition and offset
    predicted_by: RunRecord | None
    models: Mapping[str, Ancestor]  # by the part of the prediction that they made

    def describe(self) -> dict[str, Any]:
        """As JSON holds it."""
        outputs = {(one.kind, one.id): one for model in self.models.values() for one in model.walk()}
        runs = [self.predicted_by, *(one.run for one in outputs.values())]
        return {
            "prediction": self.found.value, "found_in": self.found.place, "message": self.source,
            "predicted_by": self.predicted_by.run_id if self.predicted_by else None,
            "models": {part: model.id for part, model in self.models.items()},
            "outputs": [one.describe() for one in outputs.values()],
            "runs": {one.run_id: asdict(one) for one in runs if one},
        }  # fmt: skip


def trace_message(
    store: Store, message_id: str, *, mlflow: MlflowConfig, redis: RedisConfig, kafka: KafkaConfig
) -> MessageTrace:
    """Raises MalgilError where Redis does not answer, or where neither it nor the store has a prediction."""
    found = find_prediction(store, message_id, redis)
    if found is None:
        raise MalgilError(f"message {message_id}: expected a prediction in Redis or {store.root}, found none")
    batch = find_ancestry(store, "predictions", found.output_id) if found.output_id else None
    used = [one.id for one in batch.ancestors if one.kind == "versions"] if batch else []
    versions = name_versions(found.value, used, mlflow)
    return MessageTrace(
        found=found,
        source=_find_source(store, batch, message_id) if batch else find_record(kafka, found.value),
        predicted_by=batch.run if batch else _find_live_run(store, found.value),
        models={part: find_ancestry(store, *place) for part, place in _place_models(found.value, versions).items()},
    )


def name_versions(value: Mapping[str, Any], used: Sequence[str], mlflow: MlflowConfig) -> dict[str, str]:
    """The version, as NAME/VERSION, that made each part: of those that its batch `used`, else by the prediction itself.

    A live prediction does not say which versions its labels are of.
    """
    names = {"intent": (mlflow.intent_model,), "reply": (mlflow.reply_model, mlflow.seq2seq_model)}
    names |= {"slots": (mlflow.slots_model,)}
    names |= {task: (name,) for task, name in mlflow.label_models.items()}
    if used:
        return {part: one for part, known in names.items() for one in used if one.rpartition("/")[0] in known}
    own = {part: version for part, version in value["models"].items() if part in names and version}
    return {part: f"{names[part][0]}/{version}" for part, version in own.items()}


def _place_models(value: Mapping[str, Any], versions: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Kind and id of each part's output; what bots have is no registered model."""
    registered = {part: ("versions", version) for part, version in versions.items()}
    own = {part: (kind, value["models"].get(part)) for part, kind in (("bot", "bots"), ("knowledge", "knowledge"))}
    return {**registered, **{part: (kind, version) for part, (kind, version) in own.items() if version}}


def _find_source(store: Store, batch: Ancestor, message_id: str) -> dict[str, Any] | None:
    clean = [ancestor.id for ancestor in batch.ancestors if ancestor.kind == "clean"]
    return find_source(store, clean[0], message_id) if clean else None


def _find_live_run(store: Store, value: Mapping[str, Any]) -> RunRecord | None:
    """The newest run of predict_stream that had begun when the message was predicted."""
    at = read_time(value["predicted_at"])
    began = (record for record in list_records(store, "predict_stream") if read_time(record.now) <= at)
    return next(began, None)
