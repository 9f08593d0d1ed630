"""Follow one prediction back: its model versions, their trainings, snapshots, source files or Kafka offsets, and code.

./spark-submit.sh trace MESSAGE_ID

Reads Redis, else the predictions in the store; then what the runs and their outputs noted in the store, and for a live
message Kafka, as far as it still has it. Says what it cannot find.
"""

from collections.abc import Callable

from jobs.job import PlainJob, Summary, main_without_spark
from pipelines.ancestry_text import describe_ancestor, describe_run
from pipelines.errors import MalgilError
from pipelines.io.message_traces import MessageTrace, trace_message

SECTIONS = ("trace", "mlflow", "redis", "kafka")
ARGUMENT = "trace.message_id"


def run(job: PlainJob) -> Summary:
    message_id, settings = job.settings.trace.message_id, job.settings
    if not message_id:
        raise MalgilError("trace: expected a message_id, received none; ./spark-submit.sh trace MESSAGE_ID")
    trace = trace_message(job.store, message_id, mlflow=settings.mlflow, redis=settings.redis, kafka=settings.kafka)
    _tell(trace, job.progress.note)
    return trace.describe()


def _tell(trace: MessageTrace, note: Callable[[str], None]) -> None:
    value, source = trace.found.value, trace.source
    note(f"message      {value['message_id']} of room {value['room_id']}, sent at {value['sent_at']}")
    note(f"  read from  {', '.join(f'{k} {v}' for k, v in source.items()) if source else 'its place is not found'}")
    note(f"prediction   {value['intent']} {value['confidence']}, at {value['predicted_at']}, in {trace.found.place}")
    note(f"  made by    {describe_run(trace.predicted_by)}")
    for part, model in trace.models.items():
        note(f"{part:<12} {model.id}")
        for line in (line for ancestor in model.walk() for line in describe_ancestor(ancestor)):
            note(f"  {line}")


if __name__ == "__main__":
    main_without_spark(__file__, run, in_mlflow=False)
