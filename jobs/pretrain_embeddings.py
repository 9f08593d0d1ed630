"""Learn vectors of tokens from all clean messages, labelled or not, for networks to start from.

./spark-submit.sh pretrain_embeddings input.path=hdfs:///chat/raw embeddings.size=96

`embeddings.kind` says how: word2vec, fasttext (runs of a token's letters as well) or glove. `network.embeddings=ID`
then starts a network's embeddings from them. Messages of the test and validation splits are left out.
"""

from dataclasses import asdict, replace

from pyspark.sql import DataFrame

from jobs.glove_steps import learn_glove
from jobs.job import Job, Summary, main
from jobs.lineage import find_clean
from pipelines.embeddings import EmbeddingsKind
from pipelines.io.embedding_files import KIND, publish_embeddings
from pipelines.io.messages import read_clean_messages
from pipelines.io.store import Manifest, content_id
from pipelines.training_set import assign_splits

SECTIONS = ("input", "cleaning", "training_set", "embeddings", "training")


def run(job: Job) -> Summary:
    clean, settings = find_clean(job), job.settings
    splits = settings.training_set.test_share, settings.training_set.validation_share
    output = content_id(KIND, clean["content"], splits, asdict(settings.embeddings))
    standing = job.store.manifest(KIND, output)
    manifest = standing
    if manifest is None:
        messages = read_clean_messages(job.spark, job.store.url("clean", clean["id"]))
        held_out = assign_splits(messages, settings.training_set, has_validation="validation" in clean["splits"])
        from_clean = replace(job, store=job.store.made_from(clean=clean["id"]))
        manifest = _learn(from_clean, output, held_out)
    counts = {name: manifest[name] for name in ("messages", "tokens", "size")}
    return {"embeddings": output, **counts, "output": job.store.url(KIND, output), "skipped": standing is not None}


def _learn(job: Job, output: str, messages: DataFrame) -> Manifest:
    config = job.settings.embeddings
    if config.kind is EmbeddingsKind.glove:
        return learn_glove(job, output, messages)
    return publish_embeddings(job.store, output, messages, config)


if __name__ == "__main__":
    main(__file__, run)
