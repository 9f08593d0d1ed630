from pathlib import Path

import keras
import numpy as np
import pytest

from models.weights import assign_variables, hash_arrays, load_npz, save_npz


def test_groups_and_note_come_back_as_they_were_saved(tmp_path: Path) -> None:
    url = f"{tmp_path.as_uri()}/run/epoch-0001.npz"
    weights = [np.array([[1.5, 2.5]], np.float32), np.array(7, np.int64)]
    save_npz(url, {"weights": weights, "averages": []}, note={"epoch": 1})

    groups, note = load_npz(url)
    assert note == {"epoch": 1}
    assert list(groups) == ["weights"]
    assert [array.tolist() for array in groups["weights"]] == [[[1.5, 2.5]], 7]
    assert [array.dtype for array in groups["weights"]] == [np.float32, np.int64]


def test_pickled_content_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "evil.npz", note=np.array("null"), **{"weights/0000": np.array([{}], object)})

    with pytest.raises(ValueError, match="allow_pickle=False"):
        load_npz((tmp_path / "evil.npz").as_uri())


def test_weights_of_another_network_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected the shapes \[\(2,\)\], received \[\(3,\)\]"):
        assign_variables([keras.Variable([1.0, 2.0])], [np.zeros(3, np.float32)])


def test_hashes_are_equal_for_equal_values_only() -> None:
    one = [np.array([1.0, 2.0], np.float32)]

    assert hash_arrays(one) == hash_arrays([np.array([1.0, 2.0], np.float32)])
    assert hash_arrays(one) != hash_arrays([np.array([1.0, np.nextafter(np.float32(2), np.float32(3))], np.float32)])
