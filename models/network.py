"""The intent network: a sentence encoder beside a linear classifier, trained as one.

Two ways of reading a message are added up, after Cheng et al. (2016), "Wide & Deep Learning":

- deep: a feature whose order matters (morphemes) is embedded and read by the encoder that `NetworkConfig.kind`
  names (`models.encoders`). It knows what words have in common.
- wide: a bag of many rare tokens (character n-grams) is a sum of one learned vote of each token for each
  intent, a linear classifier. It knows single words by heart.
"""

from collections.abc import Callable, Mapping
from typing import Any

import keras
from keras import layers, ops

from models.collective import Ranks
from models.encoders.bigru import encode_by_bigru
from models.encoders.bigru_attention import encode_by_bigru_attention
from models.encoders.cnn import encode_by_cnn
from models.encoders.cnn_lstm import encode_by_cnn_lstm
from models.encoders.fasttext import encode_by_mean
from models.encoders.lstm import encode_by_lstm
from models.encoders.token_vectors import (
    Seeds,
    Tensor,
    TokenVectors,
    count_learned,
    embed_fixed,
    keep_learned,
    token_mask,
)
from models.encoders.transformer import encode_by_transformer
from models.network_config import NetworkConfig, NetworkKind
from models.vocabulary import PADDING_ID, UNKNOWN_ID, InputSpec
from models.votes import Votes, weigh_tokens

Encoder = Callable[[TokenVectors, NetworkConfig, Seeds], Tensor]  # to one vector a message

ENCODERS: Mapping[NetworkKind, Encoder] = {
    NetworkKind.fasttext: lambda tokens, _config, _seeds: encode_by_mean(tokens),
    NetworkKind.cnn: lambda tokens, config, seeds: encode_by_cnn(tokens, config.cnn, seeds),
    NetworkKind.lstm: lambda tokens, config, seeds: encode_by_lstm(tokens, config.lstm, seeds),
    NetworkKind.cnn_lstm: lambda tokens, config, seeds: encode_by_cnn_lstm(tokens, config.cnn_lstm, seeds),
    NetworkKind.bigru: lambda tokens, config, seeds: encode_by_bigru(tokens, config.bigru, seeds),
    NetworkKind.bigru_attention: lambda tokens, config, seeds: encode_by_bigru_attention(
        tokens, config.bigru_attention, seeds
    ),
    NetworkKind.transformer: lambda tokens, config, seeds: encode_by_transformer(tokens, config.transformer, seeds),
}


def build_network(
    inputs: Mapping[str, InputSpec], *, classes: int, config: NetworkConfig, ranks: Ranks | None = None
) -> keras.Model:
    """A network from named int32 ids (batch, length) to float32 `logits` (batch, classes).

    Padding (id 0) at the end of a row never changes its logits. The same config gives the same
    initial weights. With `ranks` it is this rank's part of the network that they train: the same variables in
    the same order, the bags' tables by share and not yet set (`models.sharding`), and rows of the other features
    may be cut to any length.
    """
    seeds = iter(range(config.seed * 1000, (config.seed + 1) * 1000))
    bags = list(inputs) if config.kind is NetworkKind.linear else config.bags
    lengths = {name: spec.length if ranks is None or name in bags else None for name, spec in inputs.items()}
    ids = {name: keras.Input((length,), dtype="int32", name=name) for name, length in lengths.items()}
    parts, sentence = [], []
    for name, spec in inputs.items():
        tokens = WordDropout(config.word_dropout, seed=next(seeds), name=f"{name}_dropout")(ids[name])
        if name in bags:
            learned = keep_learned(tokens, spec)
            parts.append(_sum_votes(learned, spec, classes=classes, name=name, config=config, seeds=seeds, ranks=ranks))
        else:
            embedded = _embed(tokens, spec, name=name, config=config, seeds=seeds)
            sentence.append(ENCODERS[config.kind](embedded, config, seeds))
    if sentence:
        parts.append(_classify(sentence, classes=classes, config=config, seeds=seeds))
    logits = layers.Add(dtype="float32", name="logits")(parts)
    return keras.Model(ids, logits, name=f"intent_{config.kind.value}")


def with_probabilities(network: keras.Model, *, temperature: float = 1.0) -> keras.Model:
    """The same network and weights, its output the classes' `probabilities` (batch, classes).

    They are of the logits divided by the temperature (`models.calibration`).
    """
    logits = layers.Rescaling(1 / temperature, dtype="float32", name="calibrated_logits")(network.output)
    probabilities = layers.Softmax(dtype="float32", name="probabilities")(logits)
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

    def call(self, ids: Tensor, training: bool = False) -> Tensor:
        # Graph
        if not training:
            return ids
        is_dropped = keras.random.uniform(ops.shape(ids), seed=self.seed_generator) < self.rate
        is_token = ops.not_equal(ids, PADDING_ID)
        return ops.where(ops.logical_and(is_dropped, is_token), UNKNOWN_ID, ids)  # (batch, length)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}


def _sum_votes(
    ids: Tensor,
    spec: InputSpec,
    *,
    classes: int,
    name: str,
    config: NetworkConfig,
    seeds: Seeds,
    ranks: Ranks | None,
) -> Tensor:
    """Logits (batch, classes) of a bag; Keras's own layers, or for training the one that computes the same."""
    initializer = keras.initializers.RandomUniform(-0.02, 0.02, seed=next(seeds))
    if ranks is not None:
        return Votes(count_learned(spec), classes, scale=config.bag_scale, ranks=ranks, name=f"{name}_votes")(ids)
    rows = count_learned(spec)
    embedding = layers.Embedding(rows, classes, embeddings_initializer=initializer, name=f"{name}_votes")
    return ops.einsum("bl,blc->bc", weigh_tokens(ids, scale=config.bag_scale), embedding(ids))


def _embed(ids: Tensor, spec: InputSpec, *, name: str, config: NetworkConfig, seeds: Seeds) -> TokenVectors:
    mask = token_mask(ids)
    initializer = keras.initializers.RandomUniform(-0.05, 0.05, seed=next(seeds))
    embedding = layers.Embedding(
        count_learned(spec), config.embedding_size, embeddings_initializer=initializer, name=f"{name}_embedding"
    )
    if not (spec.vector_size and config.fixed_vectors):
        embedded = embedding(keep_learned(ids, spec)) * mask
        vectors = layers.Dropout(config.embedding_dropout, seed=next(seeds))(embedded)
        return TokenVectors(vectors, mask, name)
    own = WordDropout(config.own_word_dropout, seed=next(seeds), name=f"{name}_own_dropout")(keep_learned(ids, spec))
    fixed = embed_fixed(ids, spec, name)
    both = layers.Concatenate()([fixed, embedding(own)])  # (batch, length, vector_size + embedding_size)
    both = layers.Dropout(config.embedding_dropout, seed=next(seeds))(both * mask)
    initializer = keras.initializers.GlorotUniform(seed=next(seeds))
    joined = layers.Dense(config.embedding_size, kernel_initializer=initializer, name=f"{name}_joined")(both)
    return TokenVectors(joined * mask, mask, name)


def _classify(encoded: list[Tensor], *, classes: int, config: NetworkConfig, seeds: Seeds) -> Tensor:
    """Logits (batch, classes) of all features' vectors side by side."""
    sentence = layers.Concatenate(name="sentence")(encoded) if len(encoded) > 1 else encoded[0]
    sentence = layers.Dropout(config.dropout, seed=next(seeds))(sentence)
    initializer = keras.initializers.GlorotUniform(seed=next(seeds))
    return layers.Dense(classes, kernel_initializer=initializer, name="deep_logits")(sentence)
