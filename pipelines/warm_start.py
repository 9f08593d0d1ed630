"""The champion's weights as the start of another training."""

from typing import TYPE_CHECKING, Any

from pipelines.errors import MalgilError

if TYPE_CHECKING:  # TensorFlow: 4 s
    import keras


def write_initial_weights(url: str, network: "keras.Model", trained: "keras.Model") -> None:
    """Write the values that `trained` has for the variables of `network`, in its order, for ranks to start from.

    Variables are found by their paths: a registered network lacks the layers that act in training only. Raises
    MalgilError where `trained` is of another shape.
    """
    from models.weights import read_variables, save_npz

    wanted = [variable for variable in network.variables if "seed_generator" not in variable.path]
    found: dict[str, Any] = {variable.path: variable for variable in trained.variables}
    missing = [v.path for v in wanted if v.path not in found or tuple(v.shape) != tuple(found[v.path].shape)]
    if missing:
        raise MalgilError(
            f"network: expected the settings that the champion was trained with, found another {missing[0]}; "
            "train with its settings, or let the nightly run learn the corrections"
        )
    save_npz(url, {"weights": read_variables([found[variable.path] for variable in wanted])})
