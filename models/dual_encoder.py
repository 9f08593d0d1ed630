"""The reply network: a tower that reads what is asked and one that reads what is answered, trained to meet.

After Henderson et al. (2017), "Efficient Natural Language Response Suggestion for Smart Reply": each tower ends in a
vector, the score of an answer is a product of two vectors, and in training the other answers of a batch are the
wrong ones. So answers are read once, and a question meets all of them in one product of matrices.

A vector has two parts, and the score adds up what they say:

- meaning: the tokens' embeddings, which both towers share, summed and read by layers of the tower's own;
- wording: how alike the two are word for word (`models.wordings`), which few training pairs cannot teach.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from keras import layers, ops

from models.collective import Ranks
from models.dual_encoder_config import REPLY, DualEncoderConfig
from models.network import WordDropout
from models.predictor import compile_network
from models.vocabulary import InputSpec
from models.wordings import weigh_by_rarity, word_text

Tensor = Any  # a keras.KerasTensor or tf.Tensor; Keras ships no types
Vectors = npt.NDArray[np.float32]
_MASKED = -1e9
_BATCH = 512  # rows read at once


class DualEncoder(keras.Model):  # type: ignore[misc]  # Keras ships no types
    """From the features of a batch's questions and answers to scores (batch, batch): each question, each answer."""

    @staticmethod
    def measure_rows(scores: tf.Tensor, labels: tf.Tensor, *, label_smoothing: float = 0.0) -> tuple[Any, Any]:  # noqa: ARG004  # nothing to smooth: the answers of a batch are no classes
        """Each row's loss and whether its own answer is the best one of the batch.

        `labels` are equal for equal answers, which are no mistakes. The question is looked for among its answer's as
        well, with half the weight.
        """
        own = tf.range(tf.size(labels))
        is_same = tf.equal(labels[:, None], labels[None, :]) & ~tf.eye(tf.size(labels), dtype=tf.bool)
        among = tf.where(is_same, _MASKED, scores)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(own, among)
        losses += 0.5 * tf.nn.sparse_softmax_cross_entropy_with_logits(own, tf.transpose(among))
        return losses, tf.equal(tf.argmax(among, axis=-1, output_type=tf.int32), own)


def build_network(
    inputs: Mapping[str, InputSpec],
    *,
    classes: int,  # noqa: ARG001  # of a snapshot of pairs it is 0
    config: DualEncoderConfig,
    ranks: Ranks | None = None,  # noqa: ARG001  # no table is split
) -> DualEncoder:
    """The network that is trained, from the inputs of a snapshot of pairs: each feature, and `reply_` with its name."""
    seeds = iter(range(config.seed * 1000, (config.seed + 1) * 1000))
    ids = {name: keras.Input((spec.length,), dtype="int32", name=name) for name, spec in inputs.items()}
    asked = {name: spec for name, spec in inputs.items() if not name.startswith(REPLY)}
    tables = {name: _table(spec, name, config, next(seeds)) for name, spec in asked.items()}
    sides = []
    for side, prefix in (("question", ""), ("answer", REPLY)):
        read = {name: ids[prefix + name] for name in asked}
        meaning = _tower(_sum_meanings(read, asked, tables, side, config, seeds), side, config, seeds)
        words = [
            word_text(read[name], spec, size=config.wording_size, name=f"{side}_{name}_wording")
            for name, spec in asked.items()
        ]
        sides.append(_weigh(meaning, words, side, config))
    scores = ops.matmul(sides[0], ops.transpose(sides[1]))  # (batch, batch)
    return DualEncoder(ids, scores, name="reply_dual_encoder")


def question_tower(network: DualEncoder) -> keras.Model:
    """From a question's features to its vector (batch, size)."""
    return _cut(network, "question", [tensor for tensor in network.inputs if not tensor.name.startswith(REPLY)])


def answer_tower(network: DualEncoder) -> keras.Model:
    """From an answer's features, by their names with `reply_`, to its vector (batch, size)."""
    return _cut(network, "answer", [tensor for tensor in network.inputs if tensor.name.startswith(REPLY)])


def answer_vectors(network: DualEncoder, inputs: Mapping[str, npt.NDArray[np.int32]]) -> Vectors:
    """Vectors (texts, size) of answers, from their features, by their names without `reply_`."""
    named = {REPLY + name: ids for name, ids in inputs.items()}
    return compile_network(answer_tower(network), batch_rows=_BATCH)(named)


def question_vectors(network: DualEncoder, inputs: Mapping[str, npt.NDArray[np.int32]]) -> Vectors:
    """Vectors (texts, size) of questions, from their features."""
    return compile_network(question_tower(network), batch_rows=_BATCH)(inputs)


def build_selector(network: DualEncoder, answers: Vectors) -> keras.Model:
    """From a question's features to the `probabilities` (batch, answers) of answers whose vectors are given."""
    tower = question_tower(network)
    compare = layers.Dense(len(answers), use_bias=False, dtype="float32", name="answers")
    scores = compare(tower.output)
    compare.set_weights([answers.T])
    probabilities = layers.Softmax(dtype="float32", name="probabilities")(scores)
    return keras.Model(tower.input, probabilities, name="reply_selector")


def _cut(network: DualEncoder, side: str, inputs: list[Tensor]) -> keras.Model:
    return keras.Model({tensor.name: tensor for tensor in inputs}, network.get_layer(side).output, name=f"{side}_tower")


def _table(spec: InputSpec, name: str, config: DualEncoderConfig, seed: int) -> layers.Embedding:
    initializer = keras.initializers.RandomNormal(stddev=config.embedding_size**-0.5, seed=seed)
    return layers.Embedding(spec.size, config.embedding_size, embeddings_initializer=initializer, name=f"{name}_table")


def _sum_meanings(
    read: Mapping[str, Tensor],
    specs: Mapping[str, InputSpec],
    tables: Mapping[str, layers.Embedding],
    side: str,
    config: DualEncoderConfig,
    seeds: Iterator[int],
) -> Tensor:
    """All features' summed embeddings side by side (batch, features * embedding_size), each a unit vector."""
    sums = []
    for name, table in tables.items():
        tokens = WordDropout(config.word_dropout, seed=next(seeds), name=f"{side}_{name}_dropout")(read[name])
        weights = weigh_by_rarity(tokens, specs[name])
        sums.append(layers.UnitNormalization()(ops.einsum("bl,ble->be", weights, table(tokens))))
    return layers.Concatenate(name=f"{side}_tokens")(sums) if len(sums) > 1 else sums[0]


def _tower(tokens: Tensor, side: str, config: DualEncoderConfig, seeds: Iterator[int]) -> Tensor:
    """A unit vector as wide as the tokens' own; what the layers add to it starts at 0."""
    inner = keras.initializers.GlorotUniform(seed=next(seeds))
    read = layers.Dropout(config.dropout, seed=next(seeds))(tokens)
    read = layers.Dense(config.hidden, activation="gelu", kernel_initializer=inner, name=f"{side}_inner")(read)
    read = layers.Dropout(config.dropout, seed=next(seeds))(read)
    added = layers.Dense(tokens.shape[-1], kernel_initializer="zeros", name=f"{side}_added")(read)
    return layers.UnitNormalization(dtype="float32", name=f"{side}_meaning")(tokens + added)


def _weigh(meaning: Tensor, words: list[Tensor], side: str, config: DualEncoderConfig) -> Tensor:
    """Both parts as one vector, so that a product of two vectors is the weighted sum of two likenesses."""
    shares = [config.meaning_weight**0.5, *[(config.wording_weight / len(words)) ** 0.5] * len(words)]
    parts = [part * share for part, share in zip([meaning, *words], shares, strict=True)]
    return layers.Concatenate(dtype="float32", name=side)(parts)
