"""Beam search: the most probable answers, several messages at once, as one graph.

Answers are compared by their log-probability over the length penalty of Wu et al. (2016), "Google's Neural Machine
Translation System", section 7; no n-gram is said twice in one, as Paulus et al. (2017), "A Deep Reinforced Model for
Abstractive Summarization", section 2.5.
"""

from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from models.seq2seq_config import BeamConfig
from models.vocabulary import PADDING_ID, UNKNOWN_ID

_NEVER = -1e9  # a log-probability
Ids = npt.NDArray[np.int32]


class Found(NamedTuple):
    """The best answers to each message, best first."""

    ids: Ids  # (messages, beams, max_units), the answers' units, then padding
    scores: npt.NDArray[np.float32]  # (messages, beams), log-probability over the length penalty
    is_whole: npt.NDArray[np.bool_]  # (messages, beams), whether it came to its end


class _Beams(NamedTuple):
    """Where the search stands; the first two dimensions are (messages, beams), of `state` their product."""

    said: tf.Tensor  # (…, max_units)
    last: tf.Tensor  # the unit before; at first the start
    totals: tf.Tensor  # log-probabilities
    lengths: tf.Tensor  # units with the end
    is_done: tf.Tensor
    state: tf.Tensor  # the decoder's


Search = Callable[[Ids], Found]


def compile_search(encoder: keras.Model, decoder: keras.Model, config: BeamConfig, *, batch_rows: int) -> Search:
    """A function from a feature's ids (messages, length), padded at the end, to the best answers.

    It is traced once, whatever the number of messages and their length; padding changes nothing.
    """

    @tf.function(input_signature=[tf.TensorSpec((None, None), tf.int32)], autograph=False)  # type: ignore[untyped-decorator]
    def run(asked: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        return _search(encoder, decoder, asked, config)

    def search(ids: Ids) -> Found:
        lengths = np.maximum((ids != PADDING_ID).sum(axis=1), 1)
        order = np.argsort(lengths, kind="stable")
        found = Found(
            np.zeros((len(ids), config.beams, config.max_units), np.int32),
            np.zeros((len(ids), config.beams), np.float32),
            np.zeros((len(ids), config.beams), np.bool_),
        )
        for start in range(0, len(ids), batch_rows):
            rows = order[start : start + batch_rows]
            for whole, part in zip(found, run(ids[rows, : lengths[rows].max()]), strict=True):
                whole[rows] = part.numpy()
        return found

    return search


def length_penalty(lengths: tf.Tensor, alpha: float) -> tf.Tensor:
    """Equation 14 of Wu et al. (2016)."""
    return ((5.0 + tf.cast(lengths, tf.float32)) / 6.0) ** alpha


def _search(
    encoder: keras.Model, decoder: keras.Model, asked: tf.Tensor, config: BeamConfig
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    read = encoder({encoder.inputs[0].name: asked}, training=False)
    given = {"asked": tf.repeat(asked, config.beams, axis=0), "memory": tf.repeat(read["memory"], config.beams, axis=0)}
    beams = _begin(tf.shape(asked)[0], tf.repeat(read["state"], config.beams, axis=0), config)

    def step(place: tf.Tensor, beams: _Beams) -> tuple[tf.Tensor, _Beams]:
        said = tf.reshape(beams.last, (-1, 1))
        output = decoder({**given, "said": said, "state": beams.state}, training=False)
        chances = _chances(output["logits"][:, 0], place, beams, config)
        return place + 1, _choose(chances, place, beams._replace(state=output["state"]), config)

    def is_going_on(place: tf.Tensor, beams: _Beams) -> tf.Tensor:
        return (place < config.max_units) & ~tf.reduce_all(beams.is_done)

    shapes = tf.nest.map_structure(lambda tensor: tensor.shape, beams)
    state = tf.TensorShape([None, *(size or None for size in beams.state.shape[1:])])  # it may grow with each unit
    _, beams = tf.while_loop(is_going_on, step, (0, beams), (tf.TensorShape([]), shapes._replace(state=state)))
    return beams.said, beams.totals / length_penalty(beams.lengths, config.length_penalty), beams.is_done


def _begin(messages: tf.Tensor, state: tf.Tensor, config: BeamConfig) -> _Beams:
    """Beams that have said nothing; all but each message's first are out of the question, as they are the same."""
    each = tf.ones((messages, config.beams), tf.int32)
    totals = tf.constant([0.0] + [_NEVER] * (config.beams - 1))[None] * tf.cast(each, tf.float32)
    said = tf.fill((messages, config.beams, config.max_units), PADDING_ID)
    return _Beams(said, PADDING_ID * each, totals, 0 * each, tf.zeros_like(each, tf.bool), state)


def _chances(logits: tf.Tensor, place: tf.Tensor, beams: _Beams, config: BeamConfig) -> tf.Tensor:
    """Log-probabilities (messages * beams, vocabulary) of each next unit; what is done says nothing more.

    Nobody can say the unknown unit, and an answer has one unit at least.
    """
    size = logits.shape[-1]
    chances = tf.nn.log_softmax(logits) + _NEVER * tf.one_hot(UNKNOWN_ID, size)
    chances += tf.where(place == 0, _NEVER, 0.0) * tf.one_hot(PADDING_ID, size)
    if config.blocked_ngram:
        said = tf.reshape(beams.said, (-1, config.max_units))
        chances = block_repeats(chances, said, place, size=config.blocked_ngram)
    silence = _NEVER * (1 - tf.one_hot(PADDING_ID, size))
    return tf.where(tf.reshape(beams.is_done, (-1, 1)), silence, chances)


def block_repeats(chances: tf.Tensor, said: tf.Tensor, place: tf.Tensor, *, size: int) -> tf.Tensor:
    """The chances (rows, vocabulary), none for a unit that would end an n-gram of `size` units a second time.

    `said` (rows, length) holds `place` units a row.
    """
    starts = said.shape[1] - size + 1
    if starts < 1:
        return chances
    windows = tf.stack([said[:, offset : offset + starts] for offset in range(size)], axis=-1)  # (rows, starts, size)
    begun = tf.maximum(place - size + 1, 0)
    now = tf.slice(said, [0, begun], [-1, size - 1])
    is_repeated = tf.reduce_all(windows[..., :-1] == now[:, None], axis=-1)
    is_repeated &= tf.range(starts)[None] + size <= place
    found = tf.cast(tf.where(is_repeated), tf.int32)  # (repeats, 2): row and start
    units = tf.gather_nd(windows[..., -1], found)
    never = tf.fill(tf.shape(units), tf.constant(_NEVER, chances.dtype))
    return tf.tensor_scatter_nd_update(chances, tf.stack([found[:, 0], units], axis=1), never)


def _choose(chances: tf.Tensor, place: tf.Tensor, beams: _Beams, config: BeamConfig) -> _Beams:
    """The best `beams` of all answers that are a unit longer, and of those that are done."""
    messages, size = tf.shape(beams.totals)[0], chances.shape[-1]
    totals = beams.totals[..., None] + tf.reshape(chances, (messages, config.beams, size))
    lengths = tf.where(beams.is_done, beams.lengths, place + 1)
    scores = totals / length_penalty(lengths, config.length_penalty)[..., None]
    _, best = tf.math.top_k(tf.reshape(scores, (messages, config.beams * size)), config.beams)
    parents, units = best // size, best % size
    rows = tf.reshape(tf.range(messages)[:, None] * config.beams + parents, (-1,))
    is_here = tf.range(config.max_units) == place
    said = tf.where(is_here, units[..., None], tf.gather(beams.said, parents, batch_dims=1))
    return _Beams(
        said=said,
        last=units,
        totals=tf.gather(tf.reshape(totals, (messages, -1)), best, batch_dims=1),
        lengths=tf.gather(lengths, parents, batch_dims=1),
        is_done=tf.gather(beams.is_done, parents, batch_dims=1) | (units == PADDING_ID),
        state=tf.gather(beams.state, rows),
    )
