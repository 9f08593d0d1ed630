"""A run of a job as a run of MLflow's, its steps nested in it, beside those of trainings."""

import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from pipelines.io.run_facts import (
    RUN_ID,
    RunFacts,
    describe_begin,
    describe_progress,
    describe_run,
    describe_step,
    list_parameters,
)
from pipelines.io.run_progress import RunProgress, StepNote
from pipelines.io.run_records import RunRecord
from pipelines.io.tracking import Tracking, find_experiment, log_parameters

if TYPE_CHECKING:
    from mlflow.entities import Run

_PARENT, _NUMBER = "mlflow.parentRunId", "step_number"
_RUNNING = "RUNNING"
_TAGS_A_CALL = 100  # MLflow's limit
Made = Mapping[str, Mapping[str, Any]]  # the store's outputs that a run made, each with what it was made from


class MirroredRun:
    """A run's record in MLflow; told again, only what has changed is sent.

    Guarantee: it is found by the run's id, so whoever tells of a run later, another process too, goes on in it.
    Raises MlflowException where MLflow does not answer.
    """

    def __init__(self, tracking: Tracking, record: RunRecord) -> None:
        self._tracking, self._record = tracking, record
        self._experiment = find_experiment(tracking, tracking.config.runs_experiment)
        found = tracking.client.search_runs([self._experiment], f"tags.{RUN_ID} = '{record.run_id}'")
        whole = next((run for run in found if _PARENT not in run.data.tags), None) or self._begin()
        log_parameters(tracking, whole, list_parameters(record.settings))
        self._whole = _Mirror(tracking, whole)
        self._steps = {int(run.data.tags[_NUMBER]): _Mirror(tracking, run) for run in found if _NUMBER in run.data.tags}

    def tell_progress(self, progress: RunProgress, steps: tuple[StepNote, ...], *, with_numbers: bool) -> None:
        """Say how far it is; the numbers are kept as they come, while the tags have the newest one."""
        facts = describe_progress(progress)
        at_s = time.time() - datetime.fromisoformat(self._record.now).timestamp()
        shown = RunFacts(facts.status, facts.tags, {**facts.numbers, "elapsed_s": at_s} if with_numbers else {})
        self._whole.tell(shown, at_s=at_s)
        for number, note in enumerate(steps):
            self._tell_step(number, note, shown if not note.ended else None, at_s=at_s)

    def tell_end(
        self, record: RunRecord, status: str, steps: tuple[StepNote, ...], made: Made, *, ended: datetime
    ) -> None:
        """Say how it ended; a step that did not come to its end has ended with it."""
        at_s = ended.timestamp() - datetime.fromisoformat(record.now).timestamp()
        for number, note in enumerate(steps):
            cut = note if note.ended else StepNote(note.name, note.began, ended.isoformat(), status)
            self._tell_step(number, cut, None, at_s=at_s)
        facts = describe_run(record, status, made)
        self._whole.tell(RunFacts(facts.status, {**facts.tags, "step": "", "progress": ""}, facts.numbers), at_s=at_s)
        self._whole.end(facts.status, ended)

    def _begin(self) -> "Run":
        record = self._record
        return self._tracking.client.create_run(
            self._experiment, start_time=_ms(record.now), tags=describe_begin(record),
            run_name=f"{record.job}-{record.run_id}",
        )  # fmt: skip

    def _tell_step(self, number: int, note: StepNote, progress: RunFacts | None, *, at_s: float) -> None:
        step = self._steps.get(number) or self._begin_step(number, note)
        if step.has_ended:
            return
        step.tell(progress or describe_step(note), at_s=at_s)
        if note.ended:
            step.end(describe_step(note).status, datetime.fromisoformat(note.ended))

    def _begin_step(self, number: int, note: StepNote) -> "_Mirror":
        begun = describe_begin(self._record)
        tags = {**begun, _PARENT: self._whole.run_id, _NUMBER: str(number), "mlflow.source.name": note.name}
        run = self._tracking.client.create_run(
            self._experiment, start_time=_ms(note.began), tags=tags, run_name=note.name
        )
        self._steps[number] = _Mirror(self._tracking, run)
        return self._steps[number]


class _Mirror:
    """One run of MLflow's, with what it was told already."""

    def __init__(self, tracking: Tracking, run: "Run") -> None:
        self._client, self.run_id, self._status = tracking.client, run.info.run_id, run.info.status
        self._tags, self._numbers = dict(run.data.tags), dict(run.data.metrics)

    @property
    def has_ended(self) -> bool:
        return bool(self._status != _RUNNING)

    def tell(self, facts: RunFacts, *, at_s: float) -> None:
        """Numbers stand at the seconds since the run's start."""
        from mlflow.entities import Metric, RunTag

        tags = {name: value for name, value in facts.tags.items() if self._tags.get(name, "") != value}
        numbers = {name: value for name, value in facts.numbers.items() if self._numbers.get(name) != value}
        now_ms = int(time.time() * 1000)
        metrics = [Metric(name, value, now_ms, int(at_s)) for name, value in numbers.items()]
        for batch in _cut(tags) if tags else [{}]:
            if batch or metrics:
                self._client.log_batch(self.run_id, metrics, tags=[RunTag(*item) for item in batch.items()])
            metrics = []
        self._tags |= tags
        self._numbers |= numbers
        if facts.status == _RUNNING and self.has_ended:  # YARN began the driver again
            self._client.update_run(self.run_id, status=_RUNNING)
            self._status = _RUNNING

    def end(self, status: str, ended: datetime) -> None:
        self._client.set_terminated(self.run_id, status=status, end_time=int(ended.timestamp() * 1000))
        self._status = status


def _cut(tags: Mapping[str, str]) -> Iterator[dict[str, str]]:
    items = iter(tags.items())
    while batch := dict(islice(items, _TAGS_A_CALL)):
        yield batch


def _ms(at: str) -> int:
    return int(datetime.fromisoformat(at).timestamp() * 1000)
