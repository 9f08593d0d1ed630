import numpy as np

from models.lengths import count_places


def test_places_are_counted_up_to_the_last_token() -> None:
    ids = np.array([[5, 0, 1, 0], [0, 0, 0, 0], [2, 3, 4, 5]], np.int32)

    assert count_places(ids).tolist() == [3, 0, 4]
    assert count_places(ids[:0]).tolist() == []
