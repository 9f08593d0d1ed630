"""Four ranks as one team and as two: the split table and the losses' gradients come out alike."""

from typing import Any

import horovod
import numpy as np


def train_table(max_team: int) -> Any:
    """Each rank's whole votes table after three steps of four ranks in teams of at most `max_team`."""

    def train(max_team: int) -> Any:
        import tensorflow as tf

        from models.collective import join_ranks
        from models.optimizer import DistributedAdam
        from models.sharding import read_whole
        from models.votes import Votes

        ranks = join_ranks(max_team=max_team)
        votes = Votes(50, 5, scale=3.0, ranks=ranks)
        votes.build((8, 6))
        optimizer = DistributedAdam(0.1, ranks=ranks.size, clip_norm=0.05)
        optimizer.build([votes.table])
        source = np.random.default_rng(ranks.rank)
        for _ in range(3):
            ids, labels = source.integers(0, 50, (8, 6)), source.integers(0, 5, 8)
            with tf.GradientTape() as tape:
                logits = votes(tf.constant(ids, tf.int32))
                loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
            optimizer.apply([tape.gradient(loss, votes.table.value)], [votes.table])
        (table,) = read_whole([votes.table], ranks)
        ranks.sum(0)  # Horovod ends for all when one leaves
        return ranks.team_size, table.tolist()

    return horovod.run(train, args=(max_team,), np=4, use_gloo=True)


def test_two_teams_train_what_one_team_trains() -> None:
    whole, teams = train_table(4), train_table(2)

    assert [size for size, _ in whole] == [4] * 4
    assert [size for size, _ in teams] == [2] * 4
    for tables in (whole, teams):
        assert all(table == tables[0][1] for _, table in tables)
    np.testing.assert_allclose(teams[0][1], whole[0][1], atol=1e-5)
    assert np.abs(whole[0][1]).max() > 0.1
