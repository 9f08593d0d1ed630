"""One rank's loop on arrays in memory; tests/spark/test_training.py has several ranks."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from models.checkpoints import Checkpoints
from models.training import Paused, Progress, Trained, train
from models.training_config import TrainingConfig
from models.training_run import Batch, Feeds
from models.weights import load_npz
from tests.tiny_network import CLASSES, INPUTS, TinyConfig, build_tiny_network

CONFIG = TrainingConfig(epochs=4, batch_size=16, learning_rate=0.05, patience=0, commit_steps=4)


def make_rows(rows: int, seed: int) -> Batch:
    source = np.random.default_rng(seed)
    labels = source.integers(0, CLASSES, rows).astype(np.int32)
    features = {
        name: source.integers(2, spec.size, (rows, spec.length)).astype(np.int32) for name, spec in INPUTS.items()
    }
    for ids in features.values():
        ids[:, 0] = 2 + labels
    return features, labels


def make_feeds(validation: Batch) -> Feeds:
    def training(epoch: int) -> Iterator[Batch]:
        return (make_rows(16, seed=100 * epoch + number) for number in count())

    return Feeds(rows=160, training=training, validation=lambda: iter([validation]))


def make_network(dropout: float = 0.0) -> keras.Model:
    return build_tiny_network(INPUTS, classes=CLASSES, config=TinyConfig(dropout))


def run(folder: Path, config: TrainingConfig = CONFIG, **options: Any) -> Trained:
    checkpoints = Checkpoints(folder.as_uri(), "run")
    networks = {"network": make_network(0.3), "trainee": make_network(0.3)}
    return train(feeds=make_feeds(make_rows(40, 1)), config=config, checkpoints=checkpoints, **networks, **options)


def test_it_learns(tmp_path: Path) -> None:
    trained = run(tmp_path, replace(CONFIG, epochs=8))

    assert trained.history[-1]["validation_accuracy"] > 0.9
    assert trained.history[-1]["loss"] < trained.history[0]["loss"]


@pytest.mark.parametrize("average_epochs", [0.0, 1.5])
def test_an_interrupted_run_ends_as_an_undisturbed_one(tmp_path: Path, average_epochs: float) -> None:
    config = replace(CONFIG, average_epochs=average_epochs)

    def interrupt(progress: Progress) -> None:
        if progress.rows == (2 * 10 + 7) * 16:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "interrupted", config, on_progress=interrupt)
    assert (tmp_path / "interrupted" / "epoch-0002-rows-000000000064.npz").exists()
    seen: list[int] = []
    resumed = run(tmp_path / "interrupted", config, on_progress=lambda progress: seen.append(progress.rows))
    undisturbed = run(tmp_path / "undisturbed", config)

    assert seen[0] == (2 * 10 + 4 + 1) * 16  # after the commit of the third epoch's fourth step

    assert resumed.weights_hash == undisturbed.weights_hash
    assert len(resumed.history) == 4
    assert resumed.history[0].keys() == undisturbed.history[0].keys()
    for metric in ("loss", "accuracy", "validation_loss", "validation_accuracy", "learning_rate"):
        assert [e[metric] for e in resumed.history] == [e[metric] for e in undisturbed.history]


def test_a_run_that_pauses_at_every_commit_ends_as_an_undisturbed_one(tmp_path: Path) -> None:
    for _ in range(4 * 3 - 1):  # an epoch of ten steps commits after its fourth, eighth and last one
        with pytest.raises(Paused):
            run(tmp_path / "paused", is_pause_asked=lambda: True)
    ended = run(tmp_path / "paused", is_pause_asked=lambda: True)  # at the end there is nothing to pause

    assert ended.weights_hash == run(tmp_path / "undisturbed").weights_hash
    assert len(ended.history) == 4


def test_a_finished_run_is_not_trained_again(tmp_path: Path) -> None:
    first, again = run(tmp_path), run(tmp_path)

    assert again == replace(first, first_step_at=None)


def test_it_stops_early_and_restores_the_best_weights(tmp_path: Path) -> None:
    config = replace(CONFIG, learning_rate=0.0, patience=2, weight_decay=0.0)
    network = make_network()
    before = [weight.numpy() for weight in network.trainable_variables]
    feeds = make_feeds(make_rows(40, 1))
    trained = train(network, feeds, config, checkpoints=Checkpoints(tmp_path.as_uri()))

    assert (len(trained.history), trained.best_epoch) == (3, 1)
    for weight, value in zip(network.trainable_variables, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), value)


def test_the_kept_weights_are_the_ones_that_were_validated(tmp_path: Path) -> None:
    network, validation = make_network(), make_rows(40, 1)
    checkpoints = Checkpoints(tmp_path.as_uri())
    trained = train(network, make_feeds(validation), CONFIG, checkpoints=checkpoints)

    found = np.argmax(network(validation[0], training=False), axis=-1)
    accuracy = trained.history[trained.best_epoch - 1]["validation_accuracy"]
    assert np.mean(found == validation[1]) == pytest.approx(accuracy)
    groups, _ = load_npz(checkpoints.file_url(trained.best_epoch))
    for weight, kept in zip(network.trainable_variables, groups["weights"], strict=True):
        np.testing.assert_array_equal(weight.numpy(), kept)


def test_averaged_weights_are_validated_and_kept_and_training_goes_on_from_its_own(tmp_path: Path) -> None:
    feeds, network, trainee = make_feeds(make_rows(40, 1)), make_network(), make_network()
    checkpoints = {name: Checkpoints((tmp_path / name).as_uri()) for name in ("plain", "averaged")}
    train(make_network(), feeds, CONFIG, checkpoints=checkpoints["plain"])
    config = replace(CONFIG, average_epochs=1.0)
    averaged = train(network, feeds, config, checkpoints=checkpoints["averaged"], trainee=trainee)

    plain, last = (load_npz(found.file_url(CONFIG.epochs))[0] for found in checkpoints.values())
    for own, same in zip(last["weights"], plain["weights"], strict=True):
        np.testing.assert_array_equal(own, same)
    kept = load_npz(checkpoints["averaged"].file_url(averaged.best_epoch))[0]
    for weight, mean, newest in zip(network.trainable_variables, kept["averages"], kept["weights"], strict=True):
        np.testing.assert_array_equal(weight.numpy(), mean)
        assert not np.array_equal(mean, newest)


def test_rows_of_rare_classes_count_more(tmp_path: Path) -> None:
    validation = make_rows(40, 1)
    found = {}
    for weights in (None, np.array([10, 0, 0, 0, 0], np.float32)):
        feeds = replace(make_feeds(validation), class_weights=weights)
        network = make_network()
        train(network, feeds, CONFIG, checkpoints=Checkpoints((tmp_path / str(weights is None)).as_uri()))
        found[weights is None] = set(np.argmax(network(validation[0], training=False), axis=-1).tolist())

    assert found == {True: set(range(CLASSES)), False: {0}}


def test_rows_of_an_unknown_intent_count_as_wrong(tmp_path: Path) -> None:
    features, labels = make_rows(40, 1)
    half_unknown = (features, np.where(np.arange(40) < 20, -1, labels).astype(np.int32))
    config = replace(CONFIG, epochs=8)
    checkpoints = Checkpoints(tmp_path.as_uri())
    trained = train(make_network(), make_feeds(half_unknown), config, checkpoints=checkpoints)

    assert 0.4 < trained.history[-1]["validation_accuracy"] <= 0.5


def test_progress_counts_the_rows_of_the_whole_run(tmp_path: Path) -> None:
    seen: list[Progress] = []
    run(tmp_path, replace(CONFIG, epochs=2), on_progress=seen.append)

    assert [progress.rows for progress in seen] == list(range(16, 321, 16))
    assert {progress.total_rows for progress in seen} == {320}
