"""A model version's folder: what is in it, and the proof that it is what was registered.

It is MLflow's Keras flavor, so `mlflow.pyfunc` serves it without this project, and beside it `encoder.json`
(text to inputs, outputs to intents), perhaps further networks, and `manifest.json` (SHA-256 of every other file).
"""

import hashlib
import json
import logging
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.encoding import TextEncoder
from pipelines.errors import MalgilError

if TYPE_CHECKING:  # Keras and MLflow are imported where they are used: 4 s and 2 s
    import keras
    from mlflow.models import ModelSignature

MANIFEST = "manifest.json"
ENCODER = "encoder.json"
NETWORK = "data/model.keras"  # where MLflow's Keras flavor puts it
_SAFE_SUFFIXES = {"", ".keras", ".json", ".txt", ".yaml"}  # none of these is code or a pickle
_REQUIREMENTS = ("mlflow", "keras", "tensorflow-cpu", "tensorflow", "numpy", "pandas")


class ModelManifestError(MalgilError):
    """A model's files are not those that were registered."""


@dataclass(frozen=True)
class ModelFiles:
    """A version's files, checked, in a local folder."""

    path: str
    name: str
    version: str


@dataclass(frozen=True)
class LoadedModel:
    """A version ready to predict: the network gives `probabilities` (batch, intents)."""

    network: "keras.Model"
    encoder: TextEncoder
    name: str
    version: str


def write_model(
    path: Path,
    *,
    network: "keras.Model",
    encoder: TextEncoder,
    documents: Mapping[str, str] | None = None,
    parts: Mapping[str, "keras.Model"] | None = None,
) -> None:
    """Write a version's folder, for a network from the encoder's inputs to what it is to give.

    `documents` are further files by name, and `parts` further networks of Keras's own layers by a name that ends in
    .keras; the manifest covers both as well.
    """
    import mlflow.keras

    logging.getLogger("mlflow.utils.environment").setLevel(logging.ERROR)  # it warns where there is no pip
    mlflow.keras.save_model(
        _without_training_layers(network, encoder),
        str(path),
        signature=_signature(network, encoder),
        pip_requirements=_installed(_REQUIREMENTS),  # else MLflow loads the model again to find them: 20 s
    )
    (path / ENCODER).write_text(encoder.to_json(), encoding="utf8")
    for name, text in (documents or {}).items():
        (path / name).write_text(text, encoding="utf8")
    for name, part in (parts or {}).items():
        part.save(path / name)
    (path / MANIFEST).write_text(json.dumps(_hash_files(path), indent=1), encoding="utf8")
    verify_files(str(path))


def load_model(files: ModelFiles) -> LoadedModel:
    """The network and its encoder, after the files were checked again.

    Runs no code that the files bring: no pickle, no Lambda layer. Needs no connection to MLflow.
    """
    verify_files(files.path)
    path = Path(files.path)
    import keras

    network = keras.models.load_model(path / NETWORK, compile=False, safe_mode=True)
    encoder = TextEncoder.from_json((path / ENCODER).read_text(encoding="utf8"))
    return LoadedModel(network, encoder, files.name, files.version)


def load_part(files: ModelFiles, name: str) -> "keras.Model":
    """A further network of the version, after `load_model` has checked its files; likewise without code of theirs."""
    import keras

    return keras.models.load_model(Path(files.path) / name, compile=False, safe_mode=True)


def verify_files(path: str, *, manifest_sha256: str | None = None) -> None:
    """Check a version's folder against its manifest, and that nothing in it can carry code.

    Raises ModelManifestError with the first file that is missing, not in the manifest, changed or unsafe.
    """
    folder = Path(path)
    if not (folder / MANIFEST).is_file():
        raise ModelManifestError(_fault(folder, MANIFEST, "", None))
    if manifest_sha256 is not None and file_sha256(folder / MANIFEST) != manifest_sha256:
        raise ModelManifestError(_fault(folder, MANIFEST, manifest_sha256, file_sha256(folder / MANIFEST)))
    expected = json.loads((folder / MANIFEST).read_text(encoding="utf8"))
    found = _hash_files(folder)
    for name in sorted(expected.keys() | found.keys() | {NETWORK, ENCODER}):
        if name not in found or expected.get(name) != found[name]:
            raise ModelManifestError(_fault(folder, name, expected.get(name), found.get(name)))
        if Path(name).suffix not in _SAFE_SUFFIXES:
            raise ModelManifestError(f"model {path}: expected no file that can carry code, found {name}")
    for name in sorted(expected):
        if Path(name).suffix == ".keras":
            _refuse_lambdas(folder / name)


def file_sha256(path: Path) -> str:
    """The file's SHA-256, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_manifest_sha256(model: ModelFiles) -> str:
    """The SHA-256 of the version's manifest: one value for all of its files."""
    return file_sha256(Path(model.path) / MANIFEST)


def version_id(model: ModelFiles) -> str:
    """A name for what is made of the version's files: others, if they change."""
    return f"{model.name}-{model.version}-{read_manifest_sha256(model)[:16]}"


def _fault(folder: Path, name: str, expected: str | None, found: str | None) -> str:
    if found is None:
        fault = f"{name} is missing"
    elif expected is None:
        fault = f"{name} is not in the manifest"
    else:
        fault = f"{name} has SHA-256 {found[:12]}…, expected {expected[:12]}…"
    return f"model {folder}: {fault}; delete the folder if it is the cache, or register the model again"


def _without_training_layers(network: "keras.Model", encoder: TextEncoder) -> "keras.Model":
    """The same function out of Keras's own layers, which every reader of the file has.

    Layers of our own act while training only (word dropout). Raises MalgilError when one of them does more.
    """
    import keras

    def plain(layer: "keras.Layer") -> "keras.Layer":
        is_ours = not type(layer).__module__.startswith("keras.")
        return keras.layers.Identity(name=layer.name) if is_ours else layer

    served = keras.models.clone_model(network, clone_function=plain)  # the layers themselves, not copies
    ids = {name: np.arange(spec.length)[None].astype(np.int32) for name, spec in encoder.inputs.items()}
    ids = {name: ids[name] % spec.size for name, spec in encoder.inputs.items()}
    outputs = zip(*(keras.tree.flatten(model(ids)) for model in (network, served)), strict=True)
    if not all(np.array_equal(own, other) for own, other in outputs):
        raise MalgilError(f"{network.name}: a layer of our own acts in prediction; expected Keras's own layers there")
    return served


def _refuse_lambdas(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))
    if _has_lambda(config):
        raise ModelManifestError(f"model {path}: expected no Lambda layer, found one; use a layer class")


def _has_lambda(config: Any) -> bool:
    if isinstance(config, dict):
        return config.get("class_name") in ("Lambda", "__lambda__") or any(map(_has_lambda, config.values()))
    return isinstance(config, list) and any(map(_has_lambda, config))


def _hash_files(folder: Path) -> dict[str, str]:
    """SHA-256 of every file but the manifest, by its path in the folder, in order of name."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    hashes = {file.relative_to(folder).as_posix(): file_sha256(file) for file in files}
    return {name: value for name, value in sorted(hashes.items()) if name != MANIFEST}


def _signature(network: "keras.Model", encoder: TextEncoder) -> "ModelSignature":
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    ids, numbers = np.dtype(np.int32), np.dtype(np.float32)
    given = network.output if isinstance(network.output, dict) else {"probabilities": network.output}
    inputs = [TensorSpec(ids, (-1, spec.length), name) for name, spec in encoder.inputs.items()]
    outputs = [TensorSpec(numbers, [size or -1 for size in out.shape], name) for name, out in given.items()]
    return ModelSignature(inputs=Schema([*inputs]), outputs=Schema([*outputs]))


def _installed(packages: tuple[str, ...]) -> list[str]:
    """Pip requirements: those packages that are here, at their versions."""
    found = metadata.distributions()
    versions = {package.metadata["Name"].replace("_", "-"): package.version for package in found}
    return [f"{name}=={versions[name]}" for name in packages if name in versions]
