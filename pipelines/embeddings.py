"""Vectors of tokens, learned from messages that need no label: tokens that stand among the same others come close.

Word2vec with skip-grams (Mikolov et al., 2013, "Distributed Representations of Words and Phrases and their
Compositionality"), by Spark MLlib, which trains it on all executors and averages.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from pipelines.tokenization import tokens_column

if TYPE_CHECKING:  # MLlib: half a second
    from pyspark.ml.feature import Word2Vec

_SPREAD = 0.029  # of the values that an embedding starts from without vectors: uniform in ±0.05


@dataclass(frozen=True)
class EmbeddingsConfig:
    """How vectors of tokens are learned from messages without labels."""

    analyzer: str = "mecab_ko"  # one of udfs.analyzers.ANALYZERS: what a token is
    size: int = 96  # floats a token; that of network.embedding_size
    window: int = 5  # tokens to each side that a token is learned from
    min_count: int = 3  # a token seen less often gets no vector
    epochs: int = 5  # passes over the messages
    partitions: int = 0  # that learn on their own between two averages; 0: the session's default parallelism
    seed: int = 0  # of the initial vectors


def select_learnable(messages: DataFrame, config: EmbeddingsConfig) -> DataFrame:
    """The tokens (array<string>) of training messages, of all speakers; those of a single token teach nothing."""
    training = messages.where(F.col("split") == "train")
    return training.select(tokens_column(F.col("text"), config.analyzer).alias("tokens")).where(F.size("tokens") > 1)


def build_word2vec(config: EmbeddingsConfig, *, partitions: int) -> "Word2Vec":
    """The estimator: it takes what `select_learnable` gives. Its driver holds two vectors of each token that counts."""
    from pyspark.ml.feature import Word2Vec

    return Word2Vec(
        vectorSize=config.size,
        minCount=config.min_count,
        numPartitions=partitions,
        maxIter=config.epochs,
        windowSize=config.window,
        seed=config.seed,
        inputCol="tokens",
        outputCol="vector",
    )


def start_from_vectors(
    table: npt.NDArray[np.float32], tokens: Sequence[str], vectors: dict[str, npt.NDArray[np.float32]], *, first_id: int
) -> npt.NDArray[np.float32]:
    """An embedding's initial `table` with the rows of known tokens replaced by their vectors.

    Vectors are scaled to the spread of the random ones, so that they want the same learning rate.
    """
    found = [(row, vectors[token]) for row, token in enumerate(tokens, first_id) if token in vectors]
    started = table.copy()
    if found:
        values = np.stack([vector for _, vector in found])
        started[[row for row, _ in found]] = values * (_SPREAD / max(float(values.std()), 1e-9))
    return started
