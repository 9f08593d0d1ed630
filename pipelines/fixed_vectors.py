"""Fixed vectors of a snapshot's tokens: found once, when it is built, and put into each network that reads it.

They lie beside the snapshot's encoder, an array of float32 (ids, vector_size) a feature that has them. Training does
not change them, so a token that no training message has still means what its neighbours mean.
"""

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from models.vocabulary import FIRST_TOKEN_ID, Vocabulary
from pipelines.encoding import Feature, TextEncoder
from pipelines.errors import MalgilError
from pipelines.feed import SnapshotFacts
from udfs.columns import lift_batch
from udfs.morpheme_vectors import find_vectors, list_words

if TYPE_CHECKING:  # TensorFlow: 4 s
    import keras

_SPREAD = 0.029  # of the values, as of an embedding that starts from random ones: uniform in ±0.05
_TOKENS_A_TASK = 2_000  # a task reads Kiwi first, which takes as long as some thousand tokens
_VECTORS = T.ArrayType(T.FloatType(), containsNull=False)
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class VectorsConfig:
    """Fixed vectors of a feature's tokens, out of the language model that Kiwi brings."""

    size: int = 128  # floats a token, 256 at most
    words: int = 40_000  # the most frequent ones of Kiwi's dictionary that the vocabulary has beside training's


def add_words(features: Sequence[Feature], config: Mapping[str, VectorsConfig], *, setting: str) -> tuple[Feature, ...]:
    """The features; those that the config names with words of the dictionary behind those that training has seen, and
    with room for vectors. Raises MalgilError where the setting names a feature that is not there."""
    names = [feature.name for feature in features]
    if unknown := sorted(set(config) - set(names)):
        raise MalgilError(
            f"{setting}: expected features of the training set, {', '.join(names)}; received {unknown[0]!r}"
        )
    return tuple(_add_words(f, config[f.name]) if f.name in config else f for f in features)


def _add_words(feature: Feature, config: VectorsConfig) -> Feature:
    learned = feature.vocabulary.tokens
    seen = set(learned)
    words = [word for word in list_words(config.words, feature.analyzer) if word not in seen]
    return replace(feature, vocabulary=Vocabulary((*learned, *words), len(learned)), vector_size=config.size)


def publish_vectors(spark: SparkSession, encoder: TextEncoder, draft: str) -> None:
    """Find the vectors of the features that have some, in Spark's tasks, and write them into a snapshot's folder.

    As many floats come to the driver as the vocabularies have tokens, times the vectors' size.
    """
    from models.weights import save_npz

    for feature in encoder.features:
        if feature.vector_size:
            found = _find(spark, feature.vocabulary.tokens, feature.vector_size)
            save_npz(_url(draft, feature.name), {"vectors": [_to_table(found, feature)]})


def copy_vectors(encoder: TextEncoder, source: str, target: str) -> None:
    """Copy the vectors from one snapshot's folder into another's, which has the same encoder."""
    from models.weights import load_npz, save_npz

    for feature in encoder.features:
        if feature.vector_size:
            save_npz(_url(target, feature.name), load_npz(_url(source, feature.name))[0])


def set_vectors(network: "keras.Model", facts: SnapshotFacts) -> None:
    """Put a snapshot's vectors into a network that was built for it."""
    from models.encoders.token_vectors import FIXED_VECTORS
    from models.weights import assign_variables, load_npz

    inner = (one for model in network.layers for one in getattr(model, "layers", ()))  # of a network in the network
    layers = {one.name: one for one in (*network.layers, *inner)}
    for name, spec in facts.inputs.items():
        layer = layers.get(f"{name}{FIXED_VECTORS}")
        if spec.vector_size and layer:  # a bag has none
            assign_variables(layer.weights, load_npz(_url(facts.url, name))[0]["vectors"])


def _url(folder: str, feature: str) -> str:
    return posixpath.join(folder, f"vectors-{feature}.npz")


def _find(spark: SparkSession, tokens: Sequence[str], size: int) -> list[Any]:
    rows = spark.createDataFrame([*enumerate(tokens)], "number int, token string")
    parts = max(1, min(spark.sparkContext.defaultParallelism, len(tokens) // _TOKENS_A_TASK))
    vectors = lift_batch(partial(find_vectors, size=size), _VECTORS)(F.col("token"))
    found = rows.repartition(parts).select("number", vectors.alias("vector")).toPandas()
    return list(found.sort_values("number")["vector"])


def _to_table(found: Sequence[Any], feature: Feature) -> Floats:
    """(ids, vector_size); 0 for padding, for what is unknown, and for tokens without a vector."""
    table = np.zeros((feature.vocabulary.size, feature.vector_size), np.float32)
    for number, vector in enumerate(found, FIRST_TOKEN_ID):
        if vector is not None:
            table[number] = vector
    return table * np.float32(_SPREAD / max(float(table[FIRST_TOKEN_ID:].std()), 1e-9))
