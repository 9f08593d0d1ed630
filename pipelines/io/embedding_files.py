"""Learned vectors of tokens in the store: `embeddings/<id>`, Parquet rows of a token and its vector."""

import posixpath
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.embeddings import EmbeddingsConfig, build_word2vec, select_learnable
from pipelines.errors import MalgilError
from pipelines.io.store import Manifest, Store

KIND = "embeddings"
_DATA = "data"


def publish_embeddings(store: Store, output_id: str, messages: DataFrame, config: EmbeddingsConfig) -> Manifest:
    """Make the output `embeddings/<id>` of messages with a split; returns its manifest.

    The tokens are staged, since word2vec reads them once an epoch and an analyzer costs more than a disk.
    """

    def write(draft: str) -> dict[str, Any]:
        from pyspark.ml.functions import vector_to_array  # MLlib: half a second

        spark = messages.sparkSession
        staged = posixpath.join(draft, "tokens")
        select_learnable(messages, config).write.parquet(staged)
        tokens = spark.read.parquet(staged)
        learned = tokens.count()
        partitions = config.partitions or spark.sparkContext.defaultParallelism
        vectors = build_word2vec(config, partitions=partitions).fit(tokens).getVectors()
        url = posixpath.join(draft, _DATA)
        vectors.select(
            F.col("word").alias("token"), vector_to_array(F.col("vector"), "float32").alias("vector")
        ).write.parquet(url)
        store.remove(staged)
        return {"messages": learned, "tokens": spark.read.parquet(url).count(), **asdict(config)}

    return store.publish(KIND, output_id, write)


def read_vectors(
    spark: SparkSession, store: Store, output_id: str, tokens: Sequence[str]
) -> dict[str, npt.NDArray[np.float32]]:
    """The vectors of those tokens that have one: as many come to the driver as a vocabulary has."""
    wanted = spark.createDataFrame([(token,) for token in tokens], "token string")
    url = store.url(KIND, output_id, _DATA)
    rows = spark.read.parquet(url).join(F.broadcast(wanted), on="token", how="left_semi").collect()
    return {row["token"]: np.array(row["vector"], np.float32) for row in rows}


def find_embeddings(store: Store, output_id: str) -> Manifest:
    """The manifest of learned vectors. Raises MalgilError where there are none of this id."""
    manifest = store.manifest(KIND, output_id)
    if manifest is None:
        known = ", ".join(store.outputs(KIND)) or "none"
        raise MalgilError(
            f"network.embeddings: expected an output of pretrain_embeddings in {store.root}, received {output_id!r}; "
            f"there are {known}"
        )
    return manifest
