"""Learn vectors of tokens from all clean messages, labelled or not, for networks to start from.

./spark-submit.sh pretrain_embeddings input.path=hdfs:///chat/raw embeddings.size=96

`network.embeddings=ID` then starts a network's embeddings from them. Messages of the test and validation splits are
left out.
"""

from dataclasses import asdict

from jobs.job import Job, Summary, main
from jobs.lineage import find_clean
from pipelines.io.embedding_files import KIND, publish_embeddings
from pipelines.io.messages import read_clean_messages
from pipelines.io.store import content_id
from pipelines.training_set import assign_splits

SECTIONS = ("input", "cleaning", "training_set", "embeddings")


def run(job: Job) -> Summary:
    clean, settings = find_clean(job), job.settings
    splits = settings.training_set.test_share, settings.training_set.validation_share
    output = content_id(KIND, clean["content"], splits, asdict(settings.embeddings))
    standing = job.store.manifest(KIND, output)
    manifest = standing
    if manifest is None:
        messages = read_clean_messages(job.spark, job.store.url("clean", clean["id"]))
        held_out = assign_splits(messages, settings.training_set, has_validation="validation" in clean["splits"])
        manifest = publish_embeddings(job.store, output, held_out, settings.embeddings)
    counts = {name: manifest[name] for name in ("messages", "tokens", "size")}
    return {"embeddings": output, **counts, "output": job.store.url(KIND, output), "skipped": standing is not None}


if __name__ == "__main__":
    main(__file__, run)
