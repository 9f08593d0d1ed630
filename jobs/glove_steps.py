"""GloVe in three steps: co-occurrences counted by Spark, vectors fitted by the ranks, and put into the store."""

from pyspark.sql import DataFrame

from jobs.job import Job
from models.glove_config import GloveShape
from models.training_config import Monitor, TrainingConfig
from models.vocabulary import FIRST_TOKEN_ID
from pipelines.feed import read_facts
from pipelines.io.cooccurrence_files import KIND, publish_cooccurrences
from pipelines.io.embedding_files import publish_vectors
from pipelines.io.store import Manifest
from pipelines.training import train_on_spark


def learn_glove(job: Job, output: str, messages: DataFrame) -> Manifest:
    """Make the output `embeddings/<id>` of messages with a split. A killed run goes on where it was."""
    from models.glove import build_network, load_token_vectors  # TensorFlow: 4 s

    config = job.settings.embeddings
    counts = job.store.manifest(KIND, output) or publish_cooccurrences(
        job.store, output, messages, config, job.settings.training_set
    )
    url, shape = job.store.url(KIND, output), GloveShape(config.size, config.glove.max_count, config.seed)
    result = train_on_spark(
        job.spark, url, _training(job), build_network=build_network, network_config=shape,
        run_url=job.store.url("checkpoints", output), on_progress=job.step.update,
    )  # fmt: skip
    vectors = load_token_vectors(read_facts(url).inputs, shape, result.weights_url)
    learned = dict(zip(counts["tokens"], vectors[FIRST_TOKEN_ID:], strict=True))
    return publish_vectors(job.store, output, learned, config, messages=counts["messages"])


def _training(job: Job) -> TrainingConfig:
    """Of the settings of training those about ranks; what changes the vectors is set with the embeddings."""
    config, ranks = job.settings.embeddings, job.settings.training
    return TrainingConfig(
        ranks=ranks.ranks,
        min_ranks=ranks.min_ranks,
        max_losses=ranks.max_losses,
        start_timeout_s=ranks.start_timeout_s,
        commit_steps=ranks.commit_steps,
        epochs=config.epochs,
        batch_size=config.glove.batch_size,
        learning_rate=config.glove.learning_rate,
        monitor=Monitor.validation_loss,
        patience=0,
        seed=config.seed,
    )
