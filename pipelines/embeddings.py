"""Vectors of tokens, learned from messages that need no label: tokens that stand among the same others come close.

Word2vec with skip-grams (Mikolov et al., 2013, "Distributed Representations of Words and Phrases and their
Compositionality"), by Spark MLlib, which trains it on all executors and averages. With subwords it also reads messages
in which tokens are replaced by runs of their letters, so that a token that was never seen has a vector as well.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from models.glove_config import GloveConfig
from pipelines.tokenization import tokens_column
from udfs.columns import lift_batch
from udfs.subwords import add_copies, list_subwords

if TYPE_CHECKING:  # MLlib: half a second
    from pyspark.ml.feature import Word2Vec

_COPIES = 2  # of a message for fasttext, beside itself
_SPREAD = 0.029  # of the values that an embedding starts from without vectors: uniform in ±0.05


class EmbeddingsKind(Enum):
    """How a token's vector is learned."""

    word2vec = "word2vec"
    fasttext = "fasttext"  # the mean of its own and its subwords' vectors
    glove = "glove"  # by how often it stands near others, in all messages together


@dataclass(frozen=True)
class EmbeddingsConfig:
    """How vectors of tokens are learned from messages without labels."""

    kind: EmbeddingsKind = EmbeddingsKind.word2vec  # word2vec, fasttext (of runs of letters as well) or glove
    analyzer: str = "mecab_ko"  # one of udfs.analyzers.ANALYZERS: what a token is
    size: int = 96  # floats a token; that of network.embedding_size
    window: int = 5  # tokens to each side that a token is learned from
    min_count: int = 3  # a token seen less often gets no vector
    epochs: int = 5  # passes over the messages
    partitions: int = 0  # that learn on their own between two averages; 0: the session's default parallelism
    glove: GloveConfig = field(default_factory=GloveConfig)
    seed: int = 0  # of the initial vectors


def select_learnable(messages: DataFrame, config: EmbeddingsConfig) -> DataFrame:
    """The tokens (array<string>) of training messages, of all speakers; those of a single token teach nothing."""
    training = messages.where(F.col("split") == "train")
    return training.select(tokens_column(F.col("text"), config.analyzer).alias("tokens")).where(F.size("tokens") > 1)


def list_sentences(tokens: DataFrame, config: EmbeddingsConfig) -> DataFrame:
    """What word2vec reads of `select_learnable`'s rows: for fasttext, two copies of each with subwords beside it."""
    if config.kind is not EmbeddingsKind.fasttext:
        return tokens
    with_copies = lift_batch(partial(add_copies, copies=_COPIES), T.ArrayType(T.ArrayType(T.StringType())))
    return tokens.select(F.explode(with_copies(F.col("tokens"))).alias("tokens"))


def list_parts(tokens: Sequence[str], kind: EmbeddingsKind) -> dict[str, list[str]]:
    """What each token's vector is the mean of: itself, for fasttext its subwords as well."""
    return {token: [token, *(list_subwords(token) if kind is EmbeddingsKind.fasttext else ())] for token in tokens}


def join_parts(
    parts: Mapping[str, Sequence[str]], vectors: Mapping[str, npt.NDArray[np.float32]]
) -> dict[str, npt.NDArray[np.float32]]:
    """The vectors of the tokens of which at least one part has one."""
    found = {token: [vectors[part] for part in of_token if part in vectors] for token, of_token in parts.items()}
    return {token: np.mean(of_token, axis=0) for token, of_token in found.items() if of_token}


def build_word2vec(config: EmbeddingsConfig, *, partitions: int) -> "Word2Vec":
    """The estimator: it takes what `list_sentences` gives. Its driver holds two vectors of each token that counts."""
    from pyspark.ml.feature import Word2Vec

    times_read = 1 + _COPIES // 2 if config.kind is EmbeddingsKind.fasttext else 1  # each token, about
    return Word2Vec(
        vectorSize=config.size,
        minCount=config.min_count * times_read,
        numPartitions=partitions,
        maxIter=config.epochs,
        windowSize=config.window,
        seed=config.seed,
        inputCol="tokens",
        outputCol="vector",
    )


def start_from_vectors(
    table: npt.NDArray[np.float32],
    tokens: Sequence[str],
    vectors: Mapping[str, npt.NDArray[np.float32]],
    *,
    first_id: int,
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
