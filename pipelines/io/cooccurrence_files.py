"""Co-occurrences in the store: a snapshot that ranks read through Petastorm, of pairs of tokens, not of messages."""

import posixpath
from dataclasses import asdict
from typing import Any

from pyspark.sql import DataFrame

from models.glove_config import CONTEXT, TOKEN
from models.vocabulary import InputSpec, Vocabulary
from pipelines.cooccurrences import count_cooccurrences, count_frequent
from pipelines.embeddings import EmbeddingsConfig, select_learnable
from pipelines.errors import MalgilError
from pipelines.io.snapshots import write_splits
from pipelines.io.store import Manifest, Store
from pipelines.training_set import TrainingSetConfig

KIND = "cooccurrences"


def publish_cooccurrences(
    store: Store, output_id: str, messages: DataFrame, config: EmbeddingsConfig, training_set: TrainingSetConfig
) -> Manifest:
    """Make the output `cooccurrences/<id>` of messages with a split; returns its manifest, the vocabulary in it.

    Raises MalgilError where too few tokens stand together to hold any out.
    """

    def write(draft: str) -> dict[str, Any]:
        spark = messages.sparkSession
        staged, counted = posixpath.join(draft, "tokens"), posixpath.join(draft, "pairs")
        select_learnable(messages, config).write.parquet(staged)
        tokens = spark.read.parquet(staged)
        frequent = [row["token"] for row in count_frequent(tokens, min_count=config.min_count).collect()]
        vocabulary = Vocabulary(tuple(frequent))
        count_cooccurrences(tokens, vocabulary, window=config.window).write.parquet(counted)
        pairs = spark.read.parquet(counted)
        rows = {row["split"]: int(row["count"]) for row in pairs.groupBy("split").count().collect()}
        if len(rows) < 2:
            raise MalgilError(
                f"embeddings.kind=glove: expected thousands of pairs of tokens, received {rows}; give more messages "
                "(input.path), or lower embeddings.min_count"
            )
        write_splits(draft, pairs, rows, training_set, key=(TOKEN, CONTEXT))
        facts = {"messages": tokens.count(), "tokens": frequent, "rows": rows, "intents": []}
        for folder in (staged, counted):
            store.remove(folder)
        spec = asdict(InputSpec(vocabulary.size, length=1))
        return {**facts, "features": {TOKEN: spec, CONTEXT: spec}}

    return store.publish(KIND, output_id, write)
