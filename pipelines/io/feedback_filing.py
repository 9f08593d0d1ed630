"""What becomes of a micro-batch of feedback: filed in the store, its dead letters sent to Kafka, and counted."""

import json
import time
from collections import Counter
from collections.abc import Callable
from datetime import date
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.streaming.query import StreamingQuery

from pipelines.io.feedback_store import publish_feedback, read_feedback
from pipelines.io.feedback_worker import FeedbackWorker, join_feedback
from pipelines.io.kafka_topics import KafkaConfig, write_records
from pipelines.io.live_report import ReadOffsets, read_lag
from pipelines.io.progress import Progress
from pipelines.io.store import Store, content_id


class FeedbackFiling:
    """Files micro-batches, and tells its counts: `read` = `filed` + all `dead_letters`."""

    def __init__(self, store: Store, worker: FeedbackWorker, kafka: KafkaConfig, *, today: Callable[[], date]) -> None:
        self._store, self._worker, self._kafka, self._today = store, worker, kafka, today
        self._filed, self._dead_letters = 0, Counter[str]()

    def write_batch(self, records: DataFrame) -> None:
        """File the micro-batch, then send its dead letters.

        Guarantee: filed once, dead letters at least once: of a micro-batch that is done again after a crash, which
        has the same records, nothing is filed twice.
        """
        ranges = records.groupBy("partition").agg(F.min("offset"), F.max("offset")).orderBy("partition").collect()
        if not ranges:
            return
        place = {"topic": self._kafka.feedback, "offsets": [list(row) for row in ranges]}  # partition, first, last
        day, output_id = self._today(), content_id(*place.values())
        store = self._store.made_from(**place)
        manifest = publish_feedback(store, day, output_id, join_feedback(records, self._worker))
        if manifest["dead_letters"]:
            filed = read_feedback(records.sparkSession, self._store, [f"{day.isoformat()}/{output_id}"])
            write_records(_dead_letters(filed, self._kafka.dead_letters), self._kafka)
        self._filed += manifest["filed"]
        self._dead_letters.update(manifest["dead_letters"])

    def summarize(self) -> dict[str, Any]:
        """Counts since the start of the job; what was read again after a crash is counted again."""
        dead_letters = dict(sorted(self._dead_letters.items()))
        return {"read": self._filed + sum(dead_letters.values()), "filed": self._filed, "dead_letters": dead_letters}


class FeedbackReport:
    """One JSON line of counts every few seconds."""

    def __init__(self, filing: FeedbackFiling, progress: Progress, *, every_s: float) -> None:
        self._filing, self._progress, self._every_s = filing, progress, every_s
        self._written_at, self._read = time.monotonic(), 0
        self._offsets = ReadOffsets()

    def tick(self, query: StreamingQuery) -> None:
        """Tell how far it is, and write a line if it is time to."""
        self._offsets.tick(query)
        elapsed_s, numbers, lag = time.monotonic() - self._written_at, self._filing.summarize(), read_lag(query)
        rate = round((numbers["read"] - self._read) / max(elapsed_s, 1e-3), 1)
        self._progress.count("collect_feedback", numbers["read"], rate, lag=lag, offsets=self._offsets.describe())
        if elapsed_s >= self._every_s:
            self._written_at, self._read = time.monotonic(), numbers["read"]
            self._progress.note(json.dumps({**numbers, "lag": lag}))

    def summarize(self) -> dict[str, Any]:
        """The counts and Kafka's offsets since the start of the job."""
        return {**self._filing.summarize(), "offsets": self._offsets.describe()}


def _dead_letters(filed: DataFrame, topic: str) -> DataFrame:
    """A record for each row that is none to learn: its reason and place, of a readable one what it says."""
    options = {"ignoreNullFields": "false"}
    payload: Column = F.when(F.col("message_id").isNotNull(), F.struct("message_id", "intent"))
    letter = F.struct("reason", "partition", "offset", "sha256", payload.alias("payload"))
    rejected = filed.where(F.col("reason").isNotNull())
    return rejected.select(
        F.lit(topic).alias("topic"), F.col("message_id").alias("key"), F.to_json(letter, options).alias("value")
    )
