"""The network that writes answers: what it learns from, how it is searched, and that its files hold nothing of ours."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.checkpoints import Checkpoints
from models.dual_encoder_config import REPLY
from models.encoders.transformer import TransformerConfig
from models.seq2seq import Seq2seq, build_network
from models.seq2seq_config import Seq2seqConfig, Seq2seqKind
from models.training import train
from models.training_config import TrainingConfig
from models.training_run import Batch, Feeds
from models.vocabulary import InputSpec, Vocabulary
from pipelines.encoding import Feature, TextEncoder
from pipelines.io.model_files import ModelFiles, load_model, load_part, write_model

SPEC = InputSpec(size=30, length=8)
EVERY_KIND = pytest.mark.parametrize("kind", Seq2seqKind)
SHAPE = TransformerConfig(blocks=1, heads=2, feed_forward=16, max_positions=20)


def build(kind: Seq2seqKind, *, extra_length: int = 0, own_share: float = 0.25) -> Seq2seq:
    config = Seq2seqConfig(
        kind=kind, embedding_size=16, gru_units=16, transformer=SHAPE, own_share=own_share, own_share_steps=1
    )
    spec = InputSpec(SPEC.size, SPEC.length + extra_length)
    return build_network({"units": spec, "reply_units": spec}, classes=0, config=config)


def draw_ids(rows: int, seed: int) -> np.ndarray:
    """Rows of every length but 0."""
    source = np.random.default_rng(seed)
    ids = source.integers(2, SPEC.size, (rows, SPEC.length)).astype(np.int32)
    return np.where(np.arange(SPEC.length) <= (np.arange(rows) % SPEC.length)[:, None], ids, 0).astype(np.int32)


def draw_pairs(rows: int, seed: int) -> dict[str, np.ndarray]:
    return {"units": draw_ids(rows, seed), f"{REPLY}units": draw_ids(rows, seed + 1)}


@EVERY_KIND
def test_padding_changes_nothing(kind: Seq2seqKind) -> None:
    pairs = draw_pairs(4, seed=1)
    padded = {name: np.pad(ids, ((0, 0), (0, 5))) for name, ids in pairs.items()}
    network, wider = build(kind), build(kind, extra_length=5)
    np.testing.assert_allclose(wider(padded)["logits"], network(pairs)["logits"], atol=1e-5)
    alone = {name: ids[:1] for name, ids in pairs.items()}  # cut to its own length of 1
    np.testing.assert_allclose(network(alone)["logits"][0], network(pairs)["logits"][0, :2], atol=1e-5)


@EVERY_KIND
def test_unit_by_unit_it_says_what_it_says_of_the_whole_answer(kind: Seq2seqKind) -> None:
    network, pairs = build(kind), draw_pairs(8, seed=3)
    whole = network(pairs)["logits"].numpy()
    asked, said = tf.constant(pairs["units"]), tf.pad(pairs[f"{REPLY}units"], [[0, 0], [1, 0]])
    given = {"asked": asked, **network.encoder({"units": asked})}
    for place in range(SPEC.length + 1):
        output = network.decoder({**given, "said": said[:, place : place + 1]})
        given["state"] = output["state"]
        np.testing.assert_allclose(output["logits"][:, 0], whole[:, place], atol=1e-5)


@EVERY_KIND
def test_nothing_is_known_of_a_unit_before_it_is_said(kind: Seq2seqKind) -> None:
    network, pairs = build(kind), draw_pairs(8, seed=3)
    other = {**pairs, f"{REPLY}units": pairs[f"{REPLY}units"].copy()}
    other[f"{REPLY}units"][7, 4] = 2 + (other[f"{REPLY}units"][7, 4] - 1) % (SPEC.size - 2)
    before, after = network(pairs)["logits"].numpy(), network(other)["logits"].numpy()
    np.testing.assert_allclose(before[7, :5], after[7, :5], atol=1e-6)
    assert np.abs(before[7, 5] - after[7, 5]).max() > 1e-4


def test_the_loss_is_a_mean_over_units_and_ends_but_not_over_padding() -> None:
    targets = tf.constant([[5, 0, 0], [5, 6, 0]])  # 2 and 3 that count
    logits = 20.0 * tf.one_hot([[5, 0, 9], [5, 9, 0]], 10)  # wrong in one that counts, and in one that does not
    losses, right = Seq2seq.measure_rows({"logits": logits, "targets": targets}, tf.zeros(2))
    assert float(tf.reduce_mean(losses)) == pytest.approx(20.0 / 5, rel=1e-4)
    assert float(tf.reduce_mean(right)) == pytest.approx(4 / 5)


@EVERY_KIND
def test_training_reads_its_own_words_and_predicting_does_not(kind: Seq2seqKind) -> None:
    pairs = draw_pairs(16, seed=5)
    scheduled, plain = build(kind, own_share=1.0), build(kind, own_share=0.0)
    np.testing.assert_allclose(scheduled(pairs)["logits"], plain(pairs)["logits"], atol=1e-5)
    layer = scheduled.get_layer("own_words")
    said = np.pad(pairs[f"{REPLY}units"], ((0, 0), (1, 0)))
    guessed = keras.ops.one_hot(np.full_like(said, 7), SPEC.size)
    mixed = layer(said, guessed, training=True).numpy()
    np.testing.assert_array_equal(mixed, np.where(said == 0, 0, 7))
    end = keras.ops.one_hot(np.zeros_like(said), SPEC.size)
    np.testing.assert_array_equal(layer(said, end, training=True), said)


@EVERY_KIND
def test_it_learns_to_write_by_the_loop_of_every_network(kind: Seq2seqKind, tmp_path: Path) -> None:
    def make_batch(seed: int, rows: int = 32) -> Batch:
        asked = draw_ids(rows, seed)
        answered = np.where(np.arange(SPEC.length) < 2, asked, 0)  # the first two units of the question
        return {"units": asked, f"{REPLY}units": answered}, np.zeros(rows, np.int32)

    def training(epoch: int) -> Iterator[Batch]:
        return (make_batch(1000 * epoch + number) for number in count())

    config = TrainingConfig(epochs=3, batch_size=32, learning_rate=0.01, patience=0)
    feeds = Feeds(rows=640, training=training, validation=lambda: iter([make_batch(1, 50)]))
    network = build(kind)
    trained = train(network, feeds, config, checkpoints=Checkpoints(tmp_path.as_uri(), "run"))
    assert trained.history[-1]["validation_loss"] < 0.95 * trained.history[0]["validation_loss"]
    assert (
        float(network.get_layer("own_words").done) == 20.0 * trained.best_epoch
    )  # the schedule is part of the checkpoints


@EVERY_KIND
def test_a_registered_version_is_two_plain_networks_that_say_the_same(kind: Seq2seqKind, tmp_path: Path) -> None:
    network, asked = build(kind), tf.constant(draw_ids(8, seed=7))
    encoder = TextEncoder((Feature("units", "characters", SPEC.length, Vocabulary(("가",) * 28)),), ())
    write_model(tmp_path / "m", network=network.encoder, encoder=encoder, parts={"decoder.keras": network.decoder})
    files = ModelFiles(str(tmp_path / "m"), "malgil-seq2seq", "1")
    loaded, decoder = load_model(files).network, load_part(files, "decoder.keras")
    given = {"said": asked[:, :3], "asked": asked, **network.encoder({"units": asked})}
    for name, values in network.encoder({"units": asked}).items():
        np.testing.assert_allclose(loaded({"units": asked})[name], values, atol=1e-6)
    np.testing.assert_allclose(decoder(given)["logits"], network.decoder(given)["logits"], atol=1e-6)
    modules = {type(layer).__module__.partition(".")[0] for layer in [*loaded.layers, *decoder.layers]}
    assert modules == {"keras"}
