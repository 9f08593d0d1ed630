"""Arrays in .npz files, wherever `models.files` reaches: weights, optimizer state, nothing that executes."""

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from models.files import locate, write_bytes

Arrays = list[npt.NDArray[Any]]


def save_npz(url: str, groups: Mapping[str, Sequence[npt.NDArray[Any]]], *, note: Any = None) -> None:
    """Write named groups of arrays, in order, and a JSON `note` with them, under the guarantee of `write_bytes`."""
    arrays = {f"{name}/{i:04d}": array for name, group in groups.items() for i, array in enumerate(group)}
    content = io.BytesIO()
    np.savez(content, note=np.array(json.dumps(note)), **arrays)
    write_bytes(url, content.getvalue())


def load_npz(url: str) -> tuple[dict[str, Arrays], Any]:
    """The groups and the note that `save_npz` wrote; pickled content is refused."""
    filesystem, path = locate(url)
    groups: dict[str, Arrays] = {}
    with np.load(io.BytesIO(filesystem.cat_file(path)), allow_pickle=False) as file:
        note = json.loads(str(file["note"]))
        for key in sorted(set(file.files) - {"note"}):
            groups.setdefault(key.split("/")[0], []).append(file[key])
    return groups, note


def read_variables(variables: Sequence[Any]) -> Arrays:
    """Values of Keras variables, in order."""
    return [np.asarray(variable.value) for variable in variables]


def assign_variables(variables: Sequence[Any], arrays: Sequence[npt.NDArray[Any]]) -> None:
    """Set Keras variables from arrays in the same order; ValueError where they are of another network."""
    expected = [tuple(variable.shape) for variable in variables]
    received = [array.shape for array in arrays]
    if expected != received:
        raise ValueError(
            f"Weights of another network: expected the shapes {expected}, received {received}. "
            "Train with the settings that the file was written with, or remove the file."
        )
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def hash_arrays(arrays: Sequence[npt.NDArray[Any]]) -> str:
    """SHA-256 over the values, in order: equal where the weights are equal to the bit."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
