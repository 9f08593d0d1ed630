"""The intent network: a convolutional sentence classifier over one or more token features.

Kim (2014), "Convolutional Neural Networks for Sentence Classification": each feature (morphemes,
characters, …) is embedded, read by convolutions of several widths and pooled to its strongest
responses; the pooled vectors of all features stand side by side before one classifying layer.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
from keras import layers, ops

from models.vocabulary import PADDING_ID, UNKNOWN_ID, InputSpec


@dataclass(frozen=True)
class NetworkConfig:
    """The network's shape and its regularization; the defaults are the recipe that was measured."""

    embedding_size: int = 128  # floats a token
    widths: list[int] = field(default_factory=lambda: [1, 2, 3])  # tokens a convolution sees at once
    filters: int = 128  # responses a width
    word_dropout: float = 0.1  # share of tokens read as unknown while training
    embedding_dropout: float = 0.2  # share of embedding values dropped while training
    dropout: float = 0.5  # share of the pooled vector dropped while training
    seed: int = 0  # of the initial weights and of every dropout


def build_network(inputs: Mapping[str, InputSpec], *, classes: int, config: NetworkConfig) -> keras.Model:
    """A network from named int32 ids (batch, length) to float32 `logits` (batch, classes).

    Padding (id 0) at the end of a row never changes its logits. The same config gives the same
    initial weights.
    """
    seeds = iter(range(config.seed * 1000, (config.seed + 1) * 1000))
    ids = {name: keras.Input((spec.length,), dtype="int32", name=name) for name, spec in inputs.items()}
    pooled = [
        vector
        for name, spec in inputs.items()
        for vector in _read_feature(ids[name], spec=spec, name=name, config=config, seeds=seeds)
    ]
    sentence = layers.Concatenate(name="sentence")(pooled) if len(pooled) > 1 else pooled[0]
    sentence = layers.Dropout(config.dropout, seed=next(seeds))(sentence)
    initializer = keras.initializers.GlorotUniform(seed=next(seeds))
    logits = layers.Dense(classes, kernel_initializer=initializer, dtype="float32", name="logits")(sentence)
    return keras.Model(ids, logits, name="intent_cnn")


def with_probabilities(network: keras.Model) -> keras.Model:
    """The same network and weights, its output the classes' `probabilities` (batch, classes)."""
    probabilities = layers.Softmax(dtype="float32", name="probabilities")(network.output)
    return keras.Model(network.input, probabilities, name=network.name)


@keras.saving.register_keras_serializable(package="malgil")
class WordDropout(layers.Layer):  # type: ignore[misc]  # Keras ships no types
    """Reads a random share of the tokens as unknown while training; padding stays padding."""

    def __init__(self, rate: float, *, seed: int, **layer_options: Any) -> None:
        # Config
        super().__init__(**layer_options)
        self.rate = rate
        self.seed = seed
        # Layers
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, ids: Any, training: bool = False) -> Any:
        # Graph
        if not training:
            return ids
        is_dropped = keras.random.uniform(ops.shape(ids), seed=self.seed_generator) < self.rate
        is_token = ops.not_equal(ids, PADDING_ID)
        return ops.where(ops.logical_and(is_dropped, is_token), UNKNOWN_ID, ids)  # (batch, length)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}


def _read_feature(
    ids: keras.KerasTensor, *, spec: InputSpec, name: str, config: NetworkConfig, seeds: Iterator[int]
) -> list[keras.KerasTensor]:
    """One pooled vector (batch, filters) a convolution width."""
    is_token = ops.expand_dims(ops.cast(ops.not_equal(ids, PADDING_ID), "float32"), -1)  # (batch, length, 1)
    words = WordDropout(config.word_dropout, seed=next(seeds))(ids)
    uniform = keras.initializers.RandomUniform(-0.05, 0.05, seed=next(seeds))
    vectors = layers.Embedding(
        spec.size, config.embedding_size, embeddings_initializer=uniform, name=f"{name}_embedding"
    )(words)
    vectors = layers.Dropout(config.embedding_dropout, seed=next(seeds))(vectors * is_token)
    pooled = []
    for width in config.widths:
        convolution = layers.Conv1D(
            config.filters,
            width,
            padding="same",
            activation="relu",
            kernel_initializer=keras.initializers.GlorotUniform(seed=next(seeds)),
            name=f"{name}_width_{width}",
        )
        # a response is at least 0, so a masked 0 never wins over a token's
        pooled.append(layers.GlobalMaxPooling1D()(convolution(vectors) * is_token))  # (batch, filters)
    return pooled
