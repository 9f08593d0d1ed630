"""What a step costs one rank of many: computed on one core, the bytes on its wire counted, without a network.

One process does what a rank does: its own batch, its columns of the votes table for its team's batches
(`models/votes.py`), and the update of the embedding's rows that any rank touched (`models/gradients.py`). The other
ranks are random ids.
"""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from benchmarks.random_snapshot import INPUTS, INTENTS, random_ids
from models.network_config import NetworkConfig
from models.training_config import TrainingConfig

TEAMS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
RANKS = (1, 2, 16, 64, 128, 512)
BATCHES = (128, 512)
REPEATS = 5
WORDS, BAG = "morphemes", "character_ngrams"
_FLOAT = 4


def measure_ranks() -> dict[str, Any]:
    """Milliseconds of the votes by size of the team; of a step and its parts, and bytes sent, by ranks and batch."""
    import tensorflow as tf

    from models.collective import MAX_TEAM, choose_team_size

    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    votes = {team: _time_votes(team, TrainingConfig.batch_size) for team in TEAMS}
    steps = []
    for batch in BATCHES:
        alone = _time_step(batch) - _time_votes(1, batch) - _time_embedding(1, batch)
        for ranks in RANKS:
            team = choose_team_size(ranks, MAX_TEAM)
            ms = {"rest": alone, "votes": _time_votes(team, batch), "embedding": _time_embedding(ranks, batch)}
            mb = _count_mb(ranks, team, batch=batch)
            steps.append({"batch": batch, "ranks": ranks, "team": team, "ms": ms, "mb": mb})
    return {"votes_ms_by_team": {str(team): ms for team, ms in votes.items()}, "steps": steps}


def print_ranks(result: dict[str, Any]) -> None:
    print(f"{'team':<6}{'votes, ms':>10}   (of {TrainingConfig.batch_size} rows a rank)")
    for team, ms in result["votes_ms_by_team"].items():
        print(f"{team:<6}{ms:>10.1f}")
    parts = f"{'votes':>8}{'embedding':>11}{'MB sent':>9}{'rows/s a rank':>15}"
    print(f"{'rows':<6}{'ranks':>6}{'team':>6}{'step, ms':>10}{parts}")
    for step in result["steps"]:
        ms, head = step["ms"], f"{step['batch']:<6}{step['ranks']:>6}{step['team']:>6}"
        total = sum(ms.values())
        rate = f"{sum(step['mb'].values()):>9.2f}{step['batch'] / total * 1000:>15,.0f}"
        print(f"{head}{total:>10.1f}{ms['votes']:>8.1f}{ms['embedding']:>11.1f}{rate}")


def _count_mb(ranks: int, team: int, *, batch: int) -> dict[str, float]:
    """Sent by one rank in one step: a ring sends 2 (n - 1) / n of what it adds up, and what is gathered n - 1 times."""
    from models.gradients import chooses_rows

    config, words, bag = NetworkConfig(), INPUTS[WORDS], INPUTS[BAG]
    filters, widths = config.cnn.filters, config.cnn.widths
    kernels = sum(widths) * config.embedding_size * filters + len(widths) * filters
    dense = kernels + len(widths) * filters * INTENTS + INTENTS
    ids = random_ids(np.random.default_rng(0), batch, WORDS)
    width, ring = -(-INTENTS // team), 2 * (ranks - 1) / ranks
    gathered = (ranks - 1) * len(np.unique(ids)) * (config.embedding_size + 1)
    added = ring * words.size * (config.embedding_size + 1)
    teams = ranks // team
    sent = {
        "dense": ring * dense,
        "embedding": gathered if chooses_rows(words.size, ids.size, ranks) else added,
        "ids": (team - 1) * batch * bag.length,
        "logits": 2 * (team - 1) * batch * width,
        "peers": 2 * (teams - 1) / teams * bag.size * (width + 1),
    }
    return {name: values * _FLOAT / 1e6 for name, values in sent.items()}


def _time_step(batch: int) -> float:
    """A whole step of a lone rank."""
    import tensorflow as tf

    from models.collective import Ranks
    from models.network import build_network
    from models.steps import build_train_step

    network = build_network(INPUTS, classes=INTENTS, config=NetworkConfig(), ranks=Ranks())
    optimizer = _optimizer(network.trainable_variables)
    step = build_train_step(
        network, optimizer, tf.Variable(tf.zeros(3, tf.float64)), batch_size=batch, label_smoothing=0.1
    )
    features = {name: tf.constant(random_ids(np.random.default_rng(0), batch, name)) for name in INPUTS}
    labels = tf.constant(np.random.default_rng(1).integers(0, INTENTS, batch), tf.int32)
    return _time(lambda: step(features, labels))


def _time_votes(team: int, batch: int) -> float:
    """The votes, forward, back and update, of one rank of the team."""
    import tensorflow as tf

    from models.votes import Votes

    everyone = tf.constant(random_ids(np.random.default_rng(0), team * batch, BAG))
    votes = Votes(INPUTS[BAG].size, INTENTS, scale=3.0, ranks=_alone_in(team, everyone))
    votes.build((batch, INPUTS[BAG].length))
    optimizer = _optimizer([votes.table])
    labels = tf.constant(np.random.default_rng(1).integers(0, INTENTS, batch))

    def step() -> None:
        with tf.GradientTape() as tape:
            logits = votes(everyone[:batch])
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
        optimizer.apply([tape.gradient(loss, votes.table.value)], [votes.table])

    return _time(tf.function(step, jit_compile=False))


def _time_embedding(ranks: int, batch: int) -> float:
    """Taking in the ranks' gradients of the embedding, and its update."""
    import keras
    import tensorflow as tf

    from models.gradients import chooses_rows, mark_rows, sum_duplicates, take_marked_rows

    spec, width = INPUTS[WORDS], NetworkConfig().embedding_size
    table = keras.Variable(np.zeros((spec.size, width), np.float32))
    optimizer = _optimizer([table])
    slices = [_random_slices(seed, batch) for seed in range(min(ranks, 64))]
    slices = (slices * -(-ranks // len(slices)))[:ranks]  # 64 batches touch about what 512 do, and less memory
    own, others = slices[0], tf.add_n([mark_rows(sum_duplicates(s)) for s in slices])
    gathered = tf.IndexedSlices(
        tf.concat([s.values for s in slices], 0), tf.concat([s.indices for s in slices], 0), own.dense_shape
    )

    def step() -> None:
        if chooses_rows(spec.size, batch * spec.length, ranks):
            mean = sum_duplicates(gathered)
        else:
            mean = take_marked_rows(mark_rows(sum_duplicates(own)) + others)
        shape = tf.constant([spec.size, width])  # made here: what comes from outside has no static value
        optimizer.apply([tf.IndexedSlices(mean.values, mean.indices, shape)], [table])

    return _time(tf.function(step, jit_compile=False))


def _random_slices(seed: int, batch: int) -> Any:
    """A rank's gradient of the embedding, its rows distinct."""
    import tensorflow as tf

    spec, width = INPUTS[WORDS], NetworkConfig().embedding_size
    ids = np.unique(random_ids(np.random.default_rng(seed), batch, WORDS))
    return tf.IndexedSlices(tf.ones((len(ids), width)), tf.constant(ids), tf.constant([spec.size, width]))


def _optimizer(variables: Sequence[Any]) -> Any:
    from models.optimizer import DistributedAdam

    optimizer = DistributedAdam(0.001)
    optimizer.build(variables)
    return optimizer


def _alone_in(team: int, everyone: Any) -> Any:
    """A team whose other members are only their ids."""
    import tensorflow as tf

    from models.collective import Ranks

    @dataclass(frozen=True)
    class Alone(Ranks):
        def gather(self, rows: Any) -> Any:  # noqa: ARG002  # the own ones are among everyone's
            return everyone

        def exchange(self, parts: Any) -> Any:
            received = tf.reshape(parts, [self.team_size, -1, parts.shape[1]])
            return tf.reshape(tf.transpose(received, [1, 0, 2]), [-1, self.team_size * parts.shape[1]])

    return Alone(0, team, team_size=team)


def _time(step: Callable[[], object]) -> float:
    """Median milliseconds, after a first call that traces."""
    seconds = []
    for _ in range(REPEATS + 1):
        started = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - started)
    return median(seconds[1:]) * 1000
