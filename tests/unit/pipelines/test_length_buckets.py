"""Which bucket a row is in, what is cut, and how ranks come to batches of one length without a word."""

import numpy as np

from pipelines.length_buckets import LengthBuckets, take_turns

BUCKETS = LengthBuckets({"words": 8, "letters": 12}, 3)  # up to 3, 6 or 8 words, and 4, 8 or 12 letters


def rows(*lengths: tuple[int, int]) -> dict[str, np.ndarray]:
    """Rows with so many words and letters, and a vote each."""
    words, letters = (
        np.where(np.arange(size) < np.array(counts)[:, None], 7, 0).astype(np.int32)
        for size, counts in zip((8, 12), zip(*lengths, strict=True), strict=True)
    )
    return {"words": words, "letters": letters, "votes": np.ones((len(lengths), 5), np.int32)}


def test_a_row_s_bucket_holds_all_its_features() -> None:
    found = BUCKETS.find(rows((0, 0), (3, 4), (4, 1), (1, 5), (6, 8), (1, 9), (7, 1), (8, 12)))

    assert found.tolist() == [1, 1, 2, 2, 2, 3, 3, 3]


def test_rows_are_cut_to_the_highest_of_their_buckets() -> None:
    short, longer = BUCKETS.cut(rows((2, 1), (1, 4))), BUCKETS.cut(rows((2, 1), (1, 5)))

    assert {name: ids.shape for name, ids in short.items()} == {"words": (2, 3), "letters": (2, 4), "votes": (2, 5)}
    assert {name: ids.shape[1] for name, ids in longer.items()} == {"words": 6, "letters": 8, "votes": 5}


def test_where_nothing_is_cut_rows_stay_as_they_are() -> None:
    given = rows((2, 1), (1, 4))

    assert {name: ids.shape for name, ids in LengthBuckets({}, 3).cut(given).items()} == {
        name: ids.shape for name, ids in given.items()
    }


def test_every_batch_has_its_turn_and_ranks_are_at_like_places() -> None:
    mine, theirs, fewer = (list(take_turns(range(batches), np.random.default_rng(3))) for batches in (100, 100, 99))

    assert sorted(mine) == list(range(100))
    assert mine == theirs
    assert mine != sorted(mine)
    assert np.abs(np.array(mine[:99]) - np.array(fewer)).mean() < 5  # of chance it would be 33
