"""Beam search: what it finds, what it never says, and that a batch is answered as its messages one by one."""

from functools import cache

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.beam_search import Search, block_repeats, compile_search, length_penalty
from models.encoders.transformer import TransformerConfig
from models.seq2seq import Seq2seq, build_network
from models.seq2seq_config import BeamConfig, Seq2seqConfig, Seq2seqKind
from models.vocabulary import InputSpec

SIZE, LENGTH, MAX_UNITS = 12, 6, 9
EVERY_KIND = pytest.mark.parametrize("kind", Seq2seqKind)


@cache
def build(kind: Seq2seqKind) -> Seq2seq:
    """Untrained, with likes and dislikes."""
    shape = TransformerConfig(blocks=1, heads=2, feed_forward=16)
    config = Seq2seqConfig(kind=kind, embedding_size=16, gru_units=16, transformer=shape)
    spec = InputSpec(SIZE, LENGTH)
    network = build_network({"units": spec, "reply_units": spec}, classes=0, config=config)
    source = np.random.default_rng(4)
    for variable in network.trainable_variables:
        if "embeddings" in variable.path:
            variable.assign(0.7 * source.normal(size=variable.shape))
    return network


def draw_asked(rows: int = 11) -> np.ndarray:
    ids = np.random.default_rng(1).integers(2, SIZE, (rows, LENGTH)).astype(np.int32)
    return np.where(np.arange(LENGTH) <= (np.arange(rows) % LENGTH)[:, None], ids, 0).astype(np.int32)


@cache
def make_search(
    kind: Seq2seqKind,
    *,
    beams: int = 3,
    length_penalty: float = 0.6,
    blocked_ngram: int = 0,
    max_units: int = MAX_UNITS,
) -> Search:
    network, config = build(kind), BeamConfig(beams, length_penalty, blocked_ngram, max_units)
    return compile_search(network.encoder, network.decoder, config, batch_rows=4)


def chances_of(network: Seq2seq, asked: np.ndarray, said: list[int]) -> np.ndarray:
    """Log-probabilities of what comes after each unit, by one pass over all of them."""
    given = {"said": tf.constant([[0, *said]]), "asked": tf.constant(asked[None])}
    given |= network.encoder({"units": given["asked"]})
    return tf.nn.log_softmax(network.decoder(given)["logits"][0]).numpy()


def say_greedily(network: Seq2seq, asked: np.ndarray) -> list[int]:
    said: list[int] = []
    while len(said) < MAX_UNITS:
        chances = chances_of(network, asked, said)[-1]
        chances[1] = -np.inf
        if not said:
            chances[0] = -np.inf
        unit = int(chances.argmax())
        if unit == 0:
            break
        said.append(unit)
    return said


@EVERY_KIND
def test_one_beam_takes_the_best_unit_each_time(kind: Seq2seqKind) -> None:
    asked = draw_asked(5)
    found = make_search(kind, beams=1)(asked)
    expected = [say_greedily(build(kind), row) for row in asked]
    assert [[unit for unit in ids[0] if unit] for ids in found.ids] == expected
    assert found.is_whole[:, 0].tolist() == [len(said) < MAX_UNITS for said in expected]


@EVERY_KIND
def test_a_score_is_the_answers_probability_over_its_length_penalty(kind: Seq2seqKind) -> None:
    network, asked = build(kind), draw_asked(4)
    found = make_search(kind)(asked)
    for row, beams, scores, is_whole in zip(asked, found.ids, found.scores, found.is_whole, strict=True):
        for ids, score, ends in zip(beams, scores, is_whole, strict=True):
            said = [int(unit) for unit in ids if unit]
            steps = [*said, 0] if ends else said
            total = chances_of(network, row, said)[np.arange(len(steps)), steps].sum()
            assert score == pytest.approx(total / ((5 + len(steps)) / 6) ** 0.6, abs=1e-3)
        assert (np.diff(scores) <= 1e-6).all()


def test_the_length_penalty_is_the_papers() -> None:
    np.testing.assert_allclose(length_penalty(tf.constant([1, 7, 13]), 0.5), [1.0, 2**0.5, 3**0.5], rtol=1e-6)


@EVERY_KIND
def test_a_stronger_length_penalty_makes_longer_answers(kind: Seq2seqKind) -> None:
    asked = draw_asked()
    lengths = [(make_search(kind, length_penalty=alpha)(asked).ids[:, 0] > 0).sum() for alpha in (0.0, 3.0)]
    assert lengths[0] < lengths[1]


@EVERY_KIND
@pytest.mark.parametrize("size", [1, 2])
def test_no_ngram_is_said_twice(kind: Seq2seqKind, size: int) -> None:
    def count_repeats(found: np.ndarray) -> int:
        said = [[int(unit) for unit in ids if unit] for beams in found for ids in beams]
        ngrams = [[tuple(line[i : i + size]) for i in range(len(line) - size + 1)] for line in said]
        return sum(len(line) - len(set(line)) for line in ngrams)

    assert count_repeats(make_search(kind, length_penalty=3.0)(draw_asked()).ids) > 0
    assert count_repeats(make_search(kind, length_penalty=3.0, blocked_ngram=size)(draw_asked()).ids) == 0


def test_only_the_unit_that_would_repeat_an_ngram_is_blocked() -> None:
    said = tf.constant([[5, 6, 7, 5, 6, 0, 0], [5, 6, 7, 6, 5, 0, 0]])
    blocked = block_repeats(tf.zeros((2, 9)), said, tf.constant(5), size=3).numpy() < -1e8
    assert np.argwhere(blocked).tolist() == [[0, 7]]
    early = block_repeats(tf.zeros((2, 9)), said, tf.constant(2), size=3).numpy()
    assert not early.any()


@EVERY_KIND
def test_messages_are_answered_together_as_one_by_one(kind: Seq2seqKind) -> None:
    search, asked = make_search(kind), draw_asked()
    together, padded = search(asked), search(np.pad(asked, ((0, 0), (0, 4))))
    for row, ids in enumerate(asked):
        alone = search(ids[None])
        np.testing.assert_array_equal(together.ids[row], alone.ids[0])
        np.testing.assert_array_equal(padded.ids[row], alone.ids[0])
        np.testing.assert_allclose(together.scores[row], alone.scores[0], atol=1e-4)


@EVERY_KIND
def test_more_beams_find_nothing_worse(kind: Seq2seqKind) -> None:
    best = [make_search(kind, beams=beams)(draw_asked()).scores[:, 0].mean() for beams in (1, 3)]
    assert best[0] < best[1]


def test_the_graph_is_traced_once_whatever_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    network, traced = build(Seq2seqKind.transformer), []
    calls = type(network.decoder).call

    def count_calls(self: keras.Model, *args: object, **options: object) -> object:
        traced.append(1)
        return calls(self, *args, **options)

    config = BeamConfig(beams=2, max_units=5)
    run = compile_search(network.encoder, network.decoder, config, batch_rows=4)
    monkeypatch.setattr(type(network.decoder), "call", count_calls)
    run(draw_asked(3))
    first = len(traced)
    run(draw_asked(11))
    run(draw_asked(2)[:, :3])
    assert len(traced) == first > 0
