"""The network that tags units: it learns by the loop of every network, and what is registered is plain Keras."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from models.checkpoints import Checkpoints
from models.network import WordDropout
from models.tag_reader import compile_reader
from models.tagger import Tagger, build_network
from models.tagger_config import TAGS, TaggerConfig
from models.training import train
from models.training_config import TrainingConfig
from models.training_run import Batch, Feeds
from models.vocabulary import FIRST_TOKEN_ID, InputSpec, Vocabulary
from pipelines.encoding import Feature, TextEncoder
from pipelines.io.model_files import ModelFiles, load_model, write_model

LENGTH, NAMES = 6, ("O", "B-a", "I-a")
SPECS = {"morphemes": InputSpec(12, LENGTH), "places": InputSpec(6, LENGTH), TAGS: InputSpec(5, LENGTH)}
CONFIG = TaggerConfig(
    members=2, embedding_size=8, aspect_size=4, units=8, word_dropout=0.0, embedding_dropout=0.0, dropout=0.0
)


def draw(rows: int, seed: int) -> dict[str, np.ndarray]:
    """Units whose tag is B-a for a 7, and I-a behind that: what a chain has to see."""
    source = np.random.default_rng(seed)
    ids = source.integers(2, 12, (rows, LENGTH)).astype(np.int32)
    ids[np.arange(LENGTH) >= source.integers(1, LENGTH + 1, rows)[:, None]] = 0
    begins = ids == 7
    goes_on = np.pad(begins[:, :-1], ((0, 0), (1, 0))) & ~begins & (ids > 0)
    tags = np.where(ids > 0, FIRST_TOKEN_ID + begins + 2 * goes_on, 0).astype(np.int32)
    return {"morphemes": ids, "places": np.where(ids > 0, 2 + ids % 3, 0).astype(np.int32), TAGS: tags}


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Tagger:
    """Trained."""

    def training(epoch: int) -> Iterator[Batch]:
        return ((draw(32, 1000 * epoch + number), np.full(32, -1, np.int32)) for number in count())

    validation = draw(64, 1), np.full(64, -1, np.int32)
    config = TrainingConfig(epochs=4, batch_size=32, learning_rate=0.03, patience=0, label_smoothing=0.0)
    feeds = Feeds(rows=960, training=training, validation=lambda: iter([validation]))
    network = build_network(SPECS, classes=3, config=CONFIG)
    trained = train(network, feeds, config, checkpoints=Checkpoints(tmp_path_factory.mktemp("run").as_uri(), "run"))
    assert trained.history[-1]["validation_accuracy"] > 0.95
    return network


def test_the_best_path_is_what_was_learned_whatever_stands_behind_a_row(network: Tagger) -> None:
    rows = draw(40, 2)
    find = compile_reader(network.reader, network.transitions, batch_rows=16)
    found = find({name: rows[name] for name in SPECS if name != TAGS})
    expected = [row[row > 0] - FIRST_TOKEN_ID for row in rows[TAGS]]
    assert np.mean([list(ours) == list(theirs) for ours, theirs in zip(found, expected, strict=True)]) > 0.9
    padded = {name: np.pad(rows[name], ((0, 0), (0, 3))) for name in SPECS if name != TAGS}
    assert find(padded) == found
    assert find({name: ids[:0] for name, ids in padded.items()}) == []


def test_a_registered_version_is_a_plain_network_that_says_the_same(network: Tagger, tmp_path: Path) -> None:
    features = tuple(
        Feature(name, "mecab_ko", LENGTH, Vocabulary(tuple(map(str, range(spec.size - FIRST_TOKEN_ID)))))
        for name, spec in SPECS.items()
        if name != TAGS
    )
    write_model(tmp_path / "m", network=network.reader, encoder=TextEncoder(features, NAMES))
    loaded = load_model(ModelFiles(str(tmp_path / "m"), "malgil-slots", "1")).network
    rows = draw(8, 3)
    ids = {name: tf.constant(rows[name]) for name in SPECS if name != TAGS}
    np.testing.assert_allclose(loaded(ids), network.reader(ids), atol=1e-6)
    assert {type(layer).__module__.partition(".")[0] for layer in loaded.layers} == {"keras"}
    assert any(isinstance(layer, WordDropout) for layer in network.reader.layers)


def test_the_intent_is_learned_beside_the_tags_where_there_is_one() -> None:
    joint = build_network(SPECS, classes=3, config=TaggerConfig(members=2, units=8, intent_weight=2.0))
    outputs = joint(draw(4, 5))
    without, _ = joint.measure_rows(outputs, tf.constant([-1, -1, -1, -1]))
    with_some, _ = joint.measure_rows(outputs, tf.constant([0, -1, 2, -1]))
    assert ((with_some - without).numpy() > 0).tolist() == [True, False, True, False]
    assert "intents" not in build_network(SPECS, classes=0, config=TaggerConfig(units=8, intent_weight=2.0)).output


def test_a_unit_votes_for_the_tags_of_those_around_it() -> None:
    reader = build_network(SPECS, classes=0, config=TaggerConfig(members=1, units=8, vote_reach=1)).reader
    rows = {"morphemes": np.array([[3, 7, 4, 0], [7, 0, 0, 0]], np.int32), "places": np.full((2, 4), 2, np.int32)}
    before = reader(rows).numpy()
    table = reader.get_layer("morphemes_votes").embeddings
    votes = np.zeros(table.shape, np.float32)
    votes[7] = np.arange(9)  # three tags of the unit behind it, of its own, of the unit before it
    table.assign(votes)
    change = 2 * (reader(rows).numpy() - before)  # of two members' mean
    expected = np.zeros((2, 4, 3))
    expected[0, :3], expected[1, 0], expected[1, 1] = [[6, 7, 8], [3, 4, 5], [0, 1, 2]], [3, 4, 5], [0, 1, 2]
    np.testing.assert_allclose(change, expected, atol=1e-5)
