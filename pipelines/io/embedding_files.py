"""Learned vectors of tokens in the store: `embeddings/<id>`, Parquet rows of a token and its vector."""

import io
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from models.files import write_bytes
from pipelines.embeddings import (
    EmbeddingsConfig,
    EmbeddingsKind,
    build_word2vec,
    join_parts,
    list_parts,
    list_sentences,
    select_learnable,
)
from pipelines.errors import MalgilError
from pipelines.io.store import Manifest, Store
from udfs.subwords import SUBWORD

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
        sentences = list_sentences(tokens, config)
        vectors = build_word2vec(config, partitions=partitions).fit(sentences).getVectors()
        url = posixpath.join(draft, _DATA)
        vectors.select(
            F.col("word").alias("token"), vector_to_array(F.col("vector"), "float32").alias("vector")
        ).write.parquet(url)
        store.remove(staged)
        own = spark.read.parquet(url).where(~F.col("token").startswith(SUBWORD))
        return {"messages": learned, "tokens": own.count(), **_describe(config)}

    return store.publish(KIND, output_id, write)


def publish_vectors(
    store: Store,
    output_id: str,
    vectors: Mapping[str, npt.NDArray[np.float32]],
    config: EmbeddingsConfig,
    *,
    messages: int,
) -> Manifest:
    """Make the output `embeddings/<id>` of vectors that stand on the driver; returns its manifest."""

    def write(draft: str) -> dict[str, Any]:
        rows = pa.table({"token": [*vectors], "vector": pa.array([*vectors.values()], pa.list_(pa.float32()))})
        content = io.BytesIO()
        pq.write_table(rows, content)
        write_bytes(posixpath.join(draft, _DATA, "part-0.parquet"), content.getvalue())
        return {"messages": messages, "tokens": len(vectors), **_describe(config)}

    return store.publish(KIND, output_id, write)


def _describe(config: EmbeddingsConfig) -> dict[str, Any]:
    return {**asdict(config), "kind": config.kind.value}


def read_vectors(
    spark: SparkSession, store: Store, output_id: str, tokens: Sequence[str]
) -> dict[str, npt.NDArray[np.float32]]:
    """The vectors of those tokens that have one: as many come to the driver as a vocabulary has, and its subwords.

    Raises MalgilError where nothing was learned under this id.
    """
    parts = list_parts(tokens, EmbeddingsKind(find_embeddings(store, output_id)["kind"]))
    wanted = spark.createDataFrame([(part,) for part in {part for of in parts.values() for part in of}], "token string")
    url = store.url(KIND, output_id, _DATA)
    rows = spark.read.parquet(url).join(F.broadcast(wanted), on="token", how="left_semi").collect()
    return join_parts(parts, {row["token"]: np.array(row["vector"], np.float32) for row in rows})


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
