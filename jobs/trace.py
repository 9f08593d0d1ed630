"""Follow one prediction back: its model versions, their trainings, snapshots, source files or Kafka offsets, and code.

./spark-submit.sh trace MESSAGE_ID

Reads Redis, else the predictions in the store; then what the runs and their outputs noted in the store, and for a live
message Kafka, as far as it still has it. Says what it cannot find.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from jobs.job import PlainJob, Summary, main_without_spark
from pipelines.ancestry_text import describe_ancestor, describe_run
from pipelines.errors import MalgilError
from pipelines.io.ancestry import Ancestor, find_ancestry
from pipelines.io.run_records import RunRecord, list_records
from pipelines.io.traced_messages import TracedPrediction, find_prediction, find_record, find_source, read_time
from pipelines.settings import Settings

SECTIONS = ("trace", "mlflow", "redis", "kafka")
ARGUMENT = "trace.message_id"


def run(job: PlainJob) -> Summary:
    message_id, settings = job.settings.trace.message_id, job.settings
    if not message_id:
        raise MalgilError("trace: expected a message_id, received none; ./spark-submit.sh trace MESSAGE_ID")
    found = find_prediction(job.store, message_id, settings.redis)
    if found is None:
        raise MalgilError(f"message {message_id}: expected a prediction in Redis or {job.store.root}, found none")
    batch = find_ancestry(job.store, "predictions", found.output_id) if found.output_id else None
    source = _find_source(job, found, batch)
    used = [one.id for one in batch.ancestors if one.kind == "versions"] if batch else []
    versions = name_versions(found.value, used, settings)
    models = {part: find_ancestry(job.store, "versions", version) for part, version in versions.items()}
    predicted_by = batch.run if batch else _find_live_run(job, found.value)
    _tell(job, found, predicted_by, source, models)
    outputs = {(one.kind, one.id): one for model in models.values() for one in model.walk()}
    runs = [predicted_by, *(one.run for one in outputs.values())]
    return {
        "prediction": found.value, "found_in": found.place, "message": source,
        "predicted_by": predicted_by.run_id if predicted_by else None, "models": versions,
        "outputs": [one.describe() for one in outputs.values()],
        "runs": {one.run_id: asdict(one) for one in runs if one},
    }  # fmt: skip


def name_versions(value: Mapping[str, Any], used: Sequence[str], settings: Settings) -> dict[str, str]:
    """The version, as NAME/VERSION, that made each part: of those that its batch `used`, else by the prediction itself.

    A live prediction does not say which versions its labels are of.
    """
    mlflow = settings.mlflow
    names = {"intent": (mlflow.intent_model,), "reply": (mlflow.reply_model, mlflow.seq2seq_model)}
    names |= {task: (name,) for task, name in mlflow.label_models.items()}
    if used:
        return {part: one for part, known in names.items() for one in used if one.rpartition("/")[0] in known}
    return {part: f"{names[part][0]}/{version}" for part, version in value["models"].items() if version}


def _find_source(job: PlainJob, found: TracedPrediction, batch: Ancestor | None) -> dict[str, Any] | None:
    message_id = found.value["message_id"]
    if batch is None:
        return find_record(job.settings.kafka, found.value)
    clean = [ancestor.id for ancestor in batch.ancestors if ancestor.kind == "clean"]
    return find_source(job.store, clean[0], message_id) if clean else None


def _find_live_run(job: PlainJob, value: Mapping[str, Any]) -> RunRecord | None:
    """The newest run of predict_stream that had begun when the message was predicted."""
    at = read_time(value["predicted_at"])
    began = (record for record in list_records(job.store, "predict_stream") if read_time(record.now) <= at)
    return next(began, None)


def _tell(
    job: PlainJob,
    found: TracedPrediction,
    predicted_by: RunRecord | None,
    source: Mapping[str, Any] | None,
    models: Mapping[str, Ancestor],
) -> None:
    value, note = found.value, job.progress.note
    note(f"message      {value['message_id']} of room {value['room_id']}, sent at {value['sent_at']}")
    note(f"  read from  {', '.join(f'{k} {v}' for k, v in source.items()) if source else 'its place is not found'}")
    note(f"prediction   {value['intent']} {value['confidence']}, at {value['predicted_at']}, in {found.place}")
    note(f"  made by    {describe_run(predicted_by)}")
    for part, model in models.items():
        note(f"{part:<12} {model.id}")
        for line in (line for ancestor in model.walk() for line in describe_ancestor(ancestor)):
            note(f"  {line}")


if __name__ == "__main__":
    main_without_spark(__file__, run)
