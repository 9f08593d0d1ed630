"""What a training starts from in the place of random weights: the champion's, or learned vectors of tokens."""

from typing import TYPE_CHECKING, Any

from pyspark.sql import SparkSession

from models.network_config import NetworkConfig
from models.vocabulary import FIRST_TOKEN_ID
from pipelines.embeddings import start_from_vectors
from pipelines.encoding import TextEncoder
from pipelines.errors import MalgilError
from pipelines.io.embedding_files import find_embeddings, read_vectors
from pipelines.io.store import Store

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


def write_pretrained_weights(
    url: str, spark: SparkSession, store: Store, *, encoder: TextEncoder, config: NetworkConfig
) -> None:
    """Write the network's own initial weights for ranks to start from, its embeddings from `config.embeddings`.

    A feature takes the vectors if it is no bag and has their analyzer. Raises MalgilError where there are no such
    vectors, or none of the size of the embeddings.
    """
    from models.network import build_network
    from models.weights import read_variables, save_npz

    manifest = find_embeddings(store, config.embeddings)
    if manifest["size"] != config.embedding_size:
        raise MalgilError(
            f"network.embedding_size: expected {manifest['size']} as the vectors {config.embeddings} have, received "
            f"{config.embedding_size}; set it, or learn vectors of that size"
        )
    network = build_network(encoder.inputs, classes=len(encoder.intents), config=config)
    variables = [variable for variable in network.variables if "seed_generator" not in variable.path]
    arrays = {variable.path: array for variable, array in zip(variables, read_variables(variables), strict=True)}
    for feature in encoder.features:
        path, tokens = f"{feature.name}_embedding/embeddings", feature.vocabulary.tokens
        if path in arrays and feature.analyzer == manifest["analyzer"]:
            vectors = read_vectors(spark, store, config.embeddings, tokens)
            arrays[path] = start_from_vectors(arrays[path], tokens, vectors, first_id=FIRST_TOKEN_ID)
    save_npz(url, {"weights": [*arrays.values()]})
