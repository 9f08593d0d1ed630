"""The network that tags units: an LSTM reads them in both directions, a linear chain weighs what follows on what.

Huang et al. (2015), "Bidirectional LSTM-CRF Models for Sequence Tagging"; the intent beside it after Liu and Lane
(2016), "Attention-Based Recurrent Neural Network Models for Joint Intent Detection and Slot Filling". Beside the LSTMs
stands a chain without one, over votes of single aspects as Lafferty et al. (2001) have them: it errs less and finds
less, so the mean of both is better than either. What is registered is the reader alone, out of Keras's own layers, and
the chain's transitions as numbers: whoever reads a version needs no code of ours for its emissions.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from keras import layers, ops

from models.collective import Ranks
from models.crf import are_best, path_losses
from models.encoders.recurrent import make_lstm
from models.encoders.token_vectors import Seeds, count_learned, embed_fixed, keep_learned, token_mask
from models.network import WordDropout
from models.seq2seq import CutPadding
from models.steps import row_losses
from models.tagger_config import TAGS, TaggerConfig
from models.vocabulary import FIRST_TOKEN_ID, InputSpec
from models.weights import assign_variables, load_npz

Tensor = Any  # a keras.KerasTensor or tf.Tensor; Keras ships no types


class Tagger(keras.Model):  # type: ignore[misc]  # Keras ships no types
    """From a batch's units and their tags to the loss of these tags."""

    intent_weight = 0.0

    def measure_rows(
        self, outputs: Mapping[str, tf.Tensor], labels: tf.Tensor, *, label_smoothing: float = 0.0
    ) -> tuple[Any, Any]:
        """Each row's loss, and whether its tags are the best path's. `labels` are its intent: -1 where it has none."""
        tags, is_unit = tf.maximum(outputs[TAGS] - FIRST_TOKEN_ID, 0), tf.not_equal(outputs[TAGS], 0)
        chains = outputs["transitions"]
        members = zip(tf.unstack(outputs["members"], axis=1), tf.unstack(chains), strict=True)
        losses = tf.reduce_mean([path_losses(*member, tags, is_unit) for member in members], axis=0)
        if self.intent_weight:
            losses += self.intent_weight * row_losses(outputs["intents"], labels, label_smoothing=label_smoothing)
        return losses, are_best(outputs["emissions"], tf.reduce_mean(chains, axis=0), tags, is_unit)

    @property
    def reader(self) -> keras.Model:
        """From units, each aspect an input, to the `emissions` (batch, length, tags) alone: what is registered."""
        whole = self.get_layer("reader")
        return keras.Model(whole.input, whole.output["emissions"], name="reader")

    @property
    def transitions(self) -> npt.NDArray[np.float32]:
        """(tags + 1, tags), from the beginning first: the mean of the members'."""
        found: npt.NDArray[np.float32] = self.get_layer("transitions").matrix.numpy().mean(axis=0)
        return found


def build_network(
    inputs: Mapping[str, InputSpec],
    *,
    classes: int,
    config: TaggerConfig,
    ranks: Ranks | None = None,  # noqa: ARG001  # no table is split
) -> Tagger:
    """The network that is trained, from the features of a snapshot of tagged messages."""
    seeds = iter(range(config.seed * 1000, (config.seed + 1) * 1000))
    ids = {name: keras.Input((spec.length,), dtype="int32", name=name) for name, spec in inputs.items()}
    cut = {name: CutPadding(name=f"{name}_cut")(given) for name, given in ids.items()}
    aspects = {name: spec for name, spec in inputs.items() if name != TAGS}
    reader = _build_reader(aspects, inputs[TAGS].size - FIRST_TOKEN_ID, classes, config, seeds)
    read = reader({name: cut[name] for name in aspects})
    transitions = Transitions(name="transitions", dtype="float32")(read["members"])
    network = Tagger(ids, {**read, "transitions": transitions, TAGS: cut[TAGS]}, name="slot_tagger")
    network.intent_weight = config.intent_weight if classes else 0.0
    return network


def load_network(inputs: Mapping[str, InputSpec], *, classes: int, config: TaggerConfig, weights_url: str) -> Tagger:
    """The network that `build_network` makes of a snapshot, trained."""
    network = build_network(inputs, classes=classes, config=config)
    weights = [variable for variable in network.variables if "seed_generator" not in variable.path]
    assign_variables(weights, load_npz(weights_url)[0]["weights"])
    return network


@keras.saving.register_keras_serializable(package="malgil")
class Transitions(layers.Layer):  # type: ignore[misc]  # Keras ships no types
    """What a tag scores behind another one, or at the beginning: a learned matrix of each member's for all rows."""

    supports_masking = True

    def build(self, input_shape: tuple[int, ...]) -> None:
        self.matrix = self.add_weight(shape=_chain_shape(input_shape), initializer="zeros", name="matrix")

    def call(self, emissions: Tensor) -> Tensor:  # noqa: ARG002  # they tell how many tags and members there are
        return ops.convert_to_tensor(self.matrix)

    def compute_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        return _chain_shape(input_shape)


def _chain_shape(emissions: tuple[int, ...]) -> tuple[int, int, int]:
    _, members, _, tags = emissions
    return members, tags + 1, tags


def _build_reader(
    inputs: Mapping[str, InputSpec], tags: int, classes: int, config: TaggerConfig, seeds: Seeds
) -> keras.Model:
    """`emissions` (batch, length, tags), the mean of those of `members` (batch, members, length, tags).

    And `intents` (batch, classes), where they are learned as well.
    """
    ids = {name: keras.Input((None,), dtype="int32", name=name) for name in inputs}
    mask = token_mask(next(iter(ids.values())))  # (batch, length, 1)
    fixed = [embed_fixed(ids[name], spec, name) for name, spec in inputs.items() if spec.vector_size]
    read = {name: spec for name, spec in inputs.items() if name not in config.votes_only}
    states = [_read_units(ids, read, fixed, mask, f"{i}_", config, seeds) for i in range(config.members)]
    emissions = [_make_dense(tags, f"{i}_emissions", seeds)(one) for i, one in enumerate(states)]
    if config.vote_reach >= 0:
        emissions.append(_sum_votes(ids, inputs, tags, mask, config, seeds))
    members = ops.stack(emissions, axis=1)
    outputs = {"emissions": ops.mean(members, axis=1), "members": members}
    if classes and config.intent_weight:
        highest = ops.max(layers.Concatenate(name="said")(states) * mask - (1 - mask) * 1e3, axis=1)
        outputs["intents"] = _make_dense(classes, "intents", seeds)(highest)
    return keras.Model(ids, outputs, name="reader")


def _sum_votes(
    ids: Mapping[str, Tensor],
    inputs: Mapping[str, InputSpec],
    tags: int,
    mask: Tensor,
    config: TaggerConfig,
    seeds: Seeds,
) -> Tensor:
    """What each aspect of a unit, and of those near it, says by itself for its tag: (batch, length, tags)."""
    reach = config.vote_reach
    places = 2 * reach + 1
    votes = []  # of each aspect (batch, length, places x tags): a unit's for the tags of those around it
    for name, spec in inputs.items():
        known = WordDropout(config.vote_dropout, seed=next(seeds), name=f"{name}_vote_dropout")
        rows, size = count_learned(spec), places * tags
        table = layers.Embedding(rows, size, embeddings_initializer="zeros", dtype="float32", name=f"{name}_votes")
        votes.append(table(known(keep_learned(ids[name], spec))))
    around = ops.pad(layers.Add(dtype="float32", name="votes")(votes) * mask, ((0, 0), (reach, reach), (0, 0)))
    parts = [around[:, place : place - 2 * reach or None, place * tags : (place + 1) * tags] for place in range(places)]
    return layers.Add(dtype="float32", name="vote_emissions")(parts) if reach else parts[0]


def _read_units(
    ids: Mapping[str, Tensor],
    inputs: Mapping[str, InputSpec],
    fixed: Sequence[Tensor],
    mask: Tensor,
    prefix: str,
    config: TaggerConfig,
    seeds: Seeds,
) -> Tensor:
    """(batch, length, 2 x units)."""
    sizes = [config.embedding_size, *[config.aspect_size] * (len(inputs) - 1)]
    vectors = [
        _embed(ids[name], spec, size, prefix + name, config, seeds)
        for (name, spec), size in zip(inputs.items(), sizes, strict=True)
    ]
    read = layers.Concatenate(name=f"{prefix}units")([*vectors, *fixed]) * mask
    read = layers.Dropout(config.embedding_dropout, seed=next(seeds))(read)
    forward, backward = (
        make_lstm(config.units, seeds, return_sequences=True, go_backwards=is_backward, name=f"{prefix}{way}")
        for way, is_backward in (("forward", False), ("backward", True))
    )
    is_unit = ops.greater(ops.squeeze(mask, -1), 0)
    states = layers.Bidirectional(forward, backward_layer=backward, name=f"{prefix}bilstm")(read, mask=is_unit)
    return layers.Dropout(config.dropout, seed=next(seeds))(states)


def _make_dense(size: int, name: str, seeds: Seeds) -> layers.Layer:
    initializer = keras.initializers.GlorotUniform(seed=next(seeds))
    return layers.Dense(size, kernel_initializer=initializer, dtype="float32", name=name)


def _embed(ids: Tensor, spec: InputSpec, size: int, name: str, config: TaggerConfig, seeds: Seeds) -> Tensor:
    learned = keep_learned(ids, spec)
    known = WordDropout(config.word_dropout, seed=next(seeds), name=f"{name}_dropout")(learned)
    initializer = keras.initializers.RandomUniform(-0.05, 0.05, seed=next(seeds))
    rows = count_learned(spec)
    return layers.Embedding(rows, size, embeddings_initializer=initializer, name=f"{name}_embedding")(known)
