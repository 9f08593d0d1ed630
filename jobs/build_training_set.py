"""Build a training snapshot: labelled messages tokenized, encoded and split, as Parquet that Petastorm reads.

./spark-submit.sh build_training_set input.path=… training_set.features.morphemes.analyzer=kiwi
"""

from collections.abc import Callable

from pyspark.sql import DataFrame

from jobs.job import Job, Summary, main
from jobs.lineage import find_clean, find_filed_feedback, snapshot_id
from pipelines.feedback import add_corrections
from pipelines.io.feedback_store import read_corrections
from pipelines.io.messages import read_clean_messages
from pipelines.io.snapshots import publish_snapshot

SECTIONS = ("input", "cleaning", "training_set", "feedback")


def run(job: Job) -> Summary:
    clean, output = find_clean(job), snapshot_id(job)
    standing = job.store.manifest("snapshots", output)
    manifest = standing
    if manifest is None:
        messages = read_clean_messages(job.spark, job.store.url("clean", clean["id"]))
        config, has_validation = job.settings.training_set, "validation" in clean["splits"]
        origin = {"clean": clean["id"], "feedback": find_filed_feedback(job).all}
        manifest = publish_snapshot(
            job.store.made_from(**origin), output, messages, config, has_validation=has_validation,
            correct=_find_corrections(job),
        )  # fmt: skip
    sizes = {name: feature["size"] for name, feature in manifest["features"].items()}
    facts = {"snapshot": output, "path": job.store.url("snapshots", output), "rows": manifest["rows"]}
    return {
        **facts,
        "vocabulary": sizes,
        "intents": len(manifest["intents"]),
        "skipped": standing is not None,
    }


def _find_corrections(job: Job) -> Callable[[DataFrame], DataFrame] | None:
    filed, settings = find_filed_feedback(job), job.settings
    if not filed.all:
        return None
    corrections = read_corrections(job.spark, job.store, filed)
    return lambda rows: add_corrections(rows, corrections, settings.feedback, settings.training_set)


if __name__ == "__main__":
    main(__file__, run)
