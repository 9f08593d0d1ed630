"""Build a training snapshot: labelled messages tokenized, encoded and split, as Parquet that Petastorm reads.

./spark-submit.sh build_training_set input.path=… training_set.features.morphemes.analyzer=kiwi
"""

from jobs.job import Job, Summary, main
from jobs.lineage import find_clean, snapshot_id
from pipelines.io.messages import read_clean_messages
from pipelines.io.snapshots import publish_snapshot

SECTIONS = ("input", "cleaning", "training_set")


def run(job: Job) -> Summary:
    clean, output = find_clean(job), snapshot_id(job)
    standing = job.store.manifest("snapshots", output)
    manifest = standing
    if manifest is None:
        messages = read_clean_messages(job.spark, job.store.url("clean", clean["id"]))
        config = job.settings.training_set
        has_validation = "validation" in clean["splits"]
        manifest = publish_snapshot(job.store, output, messages, config, has_validation=has_validation)
    sizes = {name: feature["size"] for name, feature in manifest["features"].items()}
    facts = {"snapshot": output, "path": job.store.url("snapshots", output), "rows": manifest["rows"]}
    return {
        **facts,
        "vocabulary": sizes,
        "intents": len(manifest["intents"]),
        "skipped": standing is not None,
    }


if __name__ == "__main__":
    main(__file__, run)
