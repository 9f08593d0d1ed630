"""Corrections in the store: `feedback/<day>/<id>/`, one output a micro-batch, and what the gate said of them.

The day is that of the filing, so a day that is over does not change, and whoever learns reads few folders.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.feedback import FEEDBACK, FeedbackConfig, latest_corrections
from pipelines.io.store import Manifest, Store, content_id

_KIND = "feedback"
_VERDICTS = "feedback-verdicts"


@dataclass(frozen=True)
class FiledFeedback:
    """The outputs of some days, as `<day>/<id>`, by what the gate said of them."""

    new: tuple[str, ...]  # not judged yet
    trusted: tuple[str, ...]  # judged consistent

    @property
    def all(self) -> tuple[str, ...]:
        """In order of time."""
        return tuple(sorted((*self.trusted, *self.new)))


def publish_feedback(store: Store, day: date, output_id: str, outcomes: DataFrame) -> Manifest:
    """File rows of FEEDBACK as `feedback/<day>/<output_id>`; returns the counts of its manifest.

    Guarantee: whole or not at all, once a day and id. A correction that stands under two ids, filed again by another
    checkpoint, has the same place in Kafka, and `latest_corrections` makes one of it.
    """
    kind = f"{_KIND}/{day.isoformat()}"
    standing = store.manifest(kind, output_id)
    return standing or store.publish(kind, output_id, lambda draft: _write(outcomes, draft))


def read_feedback(spark: SparkSession, store: Store, outputs: Iterable[str]) -> DataFrame:
    """The rows of FEEDBACK that were filed as these outputs, dead letters as well."""
    urls = [store.url(_KIND, *output.split("/"), "data") for output in outputs]
    return spark.read.schema(FEEDBACK).parquet(*urls) if urls else spark.createDataFrame([], FEEDBACK)


def read_corrections(spark: SparkSession, store: Store, filed: FiledFeedback) -> DataFrame:
    """The newest correction of each message, of those that can be learned: FEEDBACK, and `is_new`."""
    new = read_feedback(spark, store, filed.new).withColumn("is_new", F.lit(True))
    trusted = read_feedback(spark, store, filed.trusted).withColumn("is_new", F.lit(False))
    return latest_corrections(new.unionByName(trusted).where(F.col("reason").isNull()))


def find_feedback(store: Store, config: FeedbackConfig, *, until: date) -> FiledFeedback:
    """What was filed in the last `days` before `until`, but for what the gate had refused by then.

    So for a day that has come it is always the same, whatever is filed and judged meanwhile.
    """
    days = [(until - timedelta(days=back)).isoformat() for back in range(config.days, 0, -1)]
    filed = [f"{day}/{output_id}" for day in days for output_id in sorted(store.outputs(f"{_KIND}/{day}"))]
    said = {output: verdict["trusted"] for verdict in _read_verdicts(store, days) for output in verdict["outputs"]}
    return FiledFeedback(
        new=tuple(output for output in filed if output not in said),
        trusted=tuple(output for output in filed if said.get(output)),
    )


def count_corrections(store: Store, outputs: Iterable[str]) -> int:
    """How many corrections that can be learned were filed as these outputs, by their manifests."""
    manifests = (store.manifest(f"{_KIND}/{day}", output_id) for day, output_id in map(_split, outputs))
    return sum(manifest["filed"] for manifest in manifests if manifest)


def write_verdict(store: Store, day: date, outputs: Iterable[str], *, is_trusted: bool, reason: str) -> None:
    """Say that the gate judged these outputs on this day: refused ones are not learned again.

    A person lifts a verdict by removing its folder.
    """
    listed = list(outputs)
    verdict = {"outputs": listed, "trusted": is_trusted, "reason": reason}
    store.publish(f"{_VERDICTS}/{day.isoformat()}", content_id(verdict), lambda _: verdict)


def _read_verdicts(store: Store, days: Iterable[str]) -> Iterator[Manifest]:
    """In the order in which they were given."""
    for kind in (f"{_VERDICTS}/{day}" for day in days):
        for output_id in store.outputs(kind):
            yield store.manifest(kind, output_id) or {}


def _split(output: str) -> tuple[str, str]:
    day, _, output_id = output.partition("/")
    return day, output_id


def _write(outcomes: DataFrame, draft: str) -> dict[str, Any]:
    url = f"{draft}/data"
    outcomes.coalesce(1).write.parquet(url)  # one file: people correct a few messages a second
    written = outcomes.sparkSession.read.schema(FEEDBACK).parquet(url)
    counts = {row["reason"]: int(row["count"]) for row in written.groupBy("reason").count().collect()}
    filed = counts.pop(None, 0)
    return {"read": filed + sum(counts.values()), "filed": filed, "dead_letters": dict(sorted(counts.items()))}
