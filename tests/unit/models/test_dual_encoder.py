"""The reply network: what it compares, what it learns, and that its file holds nothing of our own."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from models.checkpoints import Checkpoints
from models.dual_encoder import (
    DualEncoder,
    answer_tower,
    answer_vectors,
    build_network,
    build_selector,
    question_tower,
)
from models.dual_encoder_config import REPLY, DualEncoderConfig
from models.training import train
from models.training_config import TrainingConfig
from models.training_run import Batch, Feeds
from models.vocabulary import InputSpec, Vocabulary
from pipelines.encoding import Feature, TextEncoder
from pipelines.io.model_files import ModelFiles, load_model, write_model

SPECS = {"words": InputSpec(size=700, length=4), "letters": InputSpec(size=300, length=6)}
INPUTS = {prefix + name: spec for prefix in ("", REPLY) for name, spec in SPECS.items()}
CONFIG = DualEncoderConfig(embedding_size=16, hidden=16, wording_size=512, word_dropout=0.0, dropout=0.0)


@pytest.fixture(scope="module")
def network() -> DualEncoder:
    return build_network(INPUTS, classes=0, config=CONFIG)


def draw_ids(rows: int, seed: int) -> dict[str, np.ndarray]:
    source = np.random.default_rng(seed)
    return {name: source.integers(2, s.size, (rows, s.length)).astype(np.int32) for name, s in SPECS.items()}


def as_answers(ids: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {REPLY + name: values for name, values in ids.items()}


def test_a_score_is_the_product_of_a_questions_and_an_answers_vector(network: DualEncoder) -> None:
    asked, answered = draw_ids(3, seed=1), draw_ids(3, seed=2)
    scores = network({**asked, **as_answers(answered)}).numpy()
    vectors = question_tower(network)(asked).numpy(), answer_tower(network)(as_answers(answered)).numpy()
    np.testing.assert_allclose(scores, vectors[0] @ vectors[1].T, rtol=1e-4, atol=1e-4)


def test_untrained_it_knows_which_texts_share_words(network: DualEncoder) -> None:
    asked = draw_ids(20, seed=1)
    scores = network({**asked, **as_answers(asked)}).numpy()
    assert (scores.argmax(axis=1) == np.arange(20)).all()


def test_padding_changes_nothing(network: DualEncoder) -> None:
    short = {name: np.where(np.arange(ids.shape[1]) < 2, ids, 0) for name, ids in draw_ids(5, seed=3).items()}
    cut = {name: ids[:, :2] for name, ids in short.items()}
    tower = question_tower(network)
    np.testing.assert_allclose(tower(short), tower.call(cut), atol=1e-5)


def test_equal_answers_are_no_mistakes() -> None:
    scores = tf.constant([[1.0, 9.0, 0.0], [9.0, 1.0, 0.0], [0.0, 9.0, 1.0]])
    _, is_right = DualEncoder.measure_rows(scores, tf.constant([7, 7, 8]))
    assert is_right.numpy().tolist() == [True, True, False]
    apart, _ = DualEncoder.measure_rows(scores, tf.constant([6, 7, 8]))
    together, _ = DualEncoder.measure_rows(scores, tf.constant([7, 7, 8]))
    assert (together.numpy()[:2] < apart.numpy()[:2]).all()


def test_it_learns_which_answer_goes_with_a_question_by_the_loop_of_every_network(tmp_path: Path) -> None:
    def make_batch(seed: int, rows: int = 16) -> Batch:
        answers = np.random.default_rng(seed).permutation(100)[:rows].astype(np.int32)
        features = {name: np.zeros((rows, spec.length), np.int32) for name, spec in INPUTS.items()}
        features["words"][:, 0], features[f"{REPLY}words"][:, 0] = 2 + answers, 300 + answers  # no token in common
        return features, answers

    def training(epoch: int) -> Iterator[Batch]:
        return (make_batch(1000 * epoch + number) for number in count())

    config = TrainingConfig(epochs=3, batch_size=16, learning_rate=0.02, patience=0)
    feeds = Feeds(rows=640, training=training, validation=lambda: iter([make_batch(1, 50), make_batch(2, 50)]))
    network = build_network(INPUTS, classes=0, config=CONFIG)
    trained = train(network, feeds, config, checkpoints=Checkpoints(tmp_path.as_uri(), "run"))
    assert trained.history[0]["loss"] > trained.history[-1]["loss"]
    assert trained.history[-1]["validation_accuracy"] > 0.9


def test_a_registered_selector_gives_the_probabilities_of_its_answers(network: DualEncoder, tmp_path: Path) -> None:
    vocabulary = {name: Vocabulary(tuple(str(i) for i in range(spec.size - 2))) for name, spec in SPECS.items()}
    features = tuple(Feature(name, "characters", spec.length, vocabulary[name]) for name, spec in SPECS.items())
    encoder = TextEncoder(features, tuple(f"answer {i}" for i in range(7)))
    answers = answer_vectors(network, draw_ids(7, seed=5))
    write_model(
        tmp_path / "m", network=build_selector(network, answers), encoder=encoder, documents={"responses.json": "{}"}
    )
    loaded = load_model(ModelFiles(str(tmp_path / "m"), "malgil-reply", "1"))
    asked = draw_ids(4, seed=6)
    scores = question_tower(network)(asked).numpy() @ answers.T
    expected = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(loaded.network(asked), expected, atol=1e-5)
    assert (tmp_path / "m" / "responses.json").read_text() == "{}"
