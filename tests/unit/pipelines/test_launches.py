"""The record of launches outlives the driver that wrote it."""

from pathlib import Path

from pipelines.launches import LaunchEnd, Launches


def test_a_launch_that_nobody_ended_lost_its_driver(tmp_path: Path) -> None:
    first = Launches(tmp_path.as_uri())
    first.begin(2, None)
    first.end(LaunchEnd.rank_lost)
    first.begin(1, (3, 640))

    records = Launches(tmp_path.as_uri()).records
    assert [(r.ranks, r.epochs, r.rows, r.end) for r in records] == [(2, 0, 0, "rank lost"), (1, 3, 640, "driver lost")]
    assert records[0].seconds is not None
    assert records[1].seconds is None
