"""The streaming query of live prediction: its micro-batches, and its end between two of them."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock

from pyspark.errors import StreamingQueryException
from pyspark.sql import DataFrame
from pyspark.sql.streaming.query import StreamingQuery

from pipelines.errors import MalgilError
from pipelines.io.live_checkpoint import with_authority
from pipelines.io.worker_errors import find_own_error

log = logging.getLogger(__name__)

_TICK_S = 1
_RESTART_S = 2.0  # until a query that failed is started again


@dataclass(frozen=True)
class LiveConfig:
    """How live messages are predicted."""

    checkpoint: str = ""  # URL of the query's checkpoint; empty: live/checkpoint in the store
    starting_offsets: str = "earliest"  # earliest or latest: where a query without a checkpoint begins to read
    fail_on_data_loss: bool = True  # whether messages that Kafka deleted unread end the job, or are left out
    max_offsets_per_trigger: int = 50_000  # messages a micro-batch at most: what new ones wait for in a backlog
    trigger_s: float = 0.0  # seconds between the starts of micro-batches; 0: the next one follows at once
    patience_s: float = 300.0  # for this long a query that fails is started again, then the job fails
    max_message_bytes: int = 65_536  # a longer record becomes a dead letter unread
    staging_percent: float = 0.0  # of the rooms are predicted by the version in staging, where there is one
    with_labels: bool = True  # whether the tasks' champions (mlflow.label_models) add labels, as predict_batch's do
    with_replies: bool = True  # whether the champion of mlflow.reply_model suggests replies, as predict_batch's does
    with_slots: bool = True  # whether the champion of mlflow.slots_model finds slots, likewise
    keep_texts: bool = True  # whether clean texts stand in Redis as long as predictions, for feedback to be joined with
    look_every_s: float = 2.0  # between two looks for what is in a slot, and of workers for a new release
    report_every_s: float = 10.0  # between two lines of counts
    metrics_host: str = "127.0.0.1"  # where the driver listens for Prometheus; 0.0.0.0: at all of its addresses
    metrics_port: int = 0  # 0: a free one; the log and the first lines name it

    def source_options(self) -> dict[str, str]:
        """Those of Spark's Kafka source."""
        return {
            "startingOffsets": self.starting_offsets,
            "failOnDataLoss": str(self.fail_on_data_loss).lower(),
            "maxOffsetsPerTrigger": str(self.max_offsets_per_trigger),
        }


class _Gate:
    """Lets micro-batches through one by one, until it is closed."""

    def __init__(self, write: Callable[[DataFrame], None]) -> None:
        self._write, self._lock = write, Lock()
        self.is_closed = False
        self.last_batch = -1  # the last one that went through
        self.wrote_at: float | None = None  # when it did

    def write_batch(self, batch: DataFrame, batch_id: int) -> None:
        with self._lock:
            if self.is_closed:  # not even begun, and not committed: it is read again
                raise MalgilError(f"micro-batch {batch_id} comes after the stop")
            self._write(batch)
            self.last_batch, self.wrote_at = batch_id, time.monotonic()

    def close(self) -> None:
        """Returns when the micro-batch that is inside has gone through."""
        with self._lock:
            self.is_closed = True


def run_query(
    records: DataFrame,
    checkpoint: str,
    config: LiveConfig,
    *,
    write: Callable[[DataFrame], None],
    is_over: Callable[[], bool],
    ticks: Sequence[Callable[[StreamingQuery], None]],
    name: str = "predict_stream",
) -> None:
    """Read `records` until `is_over`, and `write` each micro-batch; calls `ticks` once a second.

    Guarantee: at least once, from where the checkpoint says. An end by `is_over` falls between two micro-batches, so
    that nothing is written twice; after any other end, the micro-batch that was not committed is written again.
    A query that fails after it wrote is started again, for `patience_s` without another micro-batch written. Then,
    and where not even the first one can be written: MalgilError with our own error where there is one, else Spark's.
    """
    trigger = {"processingTime": f"{config.trigger_s} seconds"}
    options = {"checkpointLocation": with_authority(checkpoint, records.sparkSession)}
    stream = records.writeStream.queryName(name).options(**options).trigger(**trigger)
    wrote_at = None
    while not is_over():
        gate = _Gate(write)
        try:
            return _watch(stream.foreachBatch(gate.write_batch).start(), gate, is_over=is_over, ticks=ticks)
        except StreamingQueryException as error:
            reason = find_own_error(error)
            wrote_at = gate.wrote_at or wrote_at
            if wrote_at is None or time.monotonic() - wrote_at > config.patience_s:
                raise reason or error from error
            log.warning("%s: the query failed and is started again: %s", name, reason or type(error).__name__)
            time.sleep(_RESTART_S)
    return None


def _watch(
    query: StreamingQuery,
    gate: _Gate,
    *,
    is_over: Callable[[], bool],
    ticks: Sequence[Callable[[StreamingQuery], None]],
) -> None:
    """Until `is_over`. Raises StreamingQueryException where the query fails before."""
    try:
        while not is_over():
            if query.awaitTermination(_TICK_S):
                raise MalgilError(f"the query was ended from outside; run {query.name} again")
            for tick in ticks:
                tick(query)
        _end_between_batches(query, gate)
        for tick in ticks:  # with the last micro-batch
            tick(query)
    finally:
        query.stop()


def _end_between_batches(query: StreamingQuery, gate: _Gate) -> None:
    """Wait until the last micro-batch is committed: its progress is told after that."""
    gate.close()
    while query.isActive and (query.lastProgress or {"batchId": -1})["batchId"] < gate.last_batch:
        time.sleep(0.02)
