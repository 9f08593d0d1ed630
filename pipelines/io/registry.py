"""The model registry: versions of a model in MLflow, and which of them predicts for users.

What a version's folder holds is written in pipelines/io/model_files.py. A version's tag holds the SHA-256 of
its manifest, so that neither a file nor the manifest can change unseen.
"""

import logging
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.encoding import TextEncoder
from pipelines.errors import MalgilError
from pipelines.io.model_files import (
    MANIFEST,
    LoadedModel,
    ModelFiles,
    ModelManifestError,
    file_sha256,
    load_model,
    verify_files,
    write_model,
)
from pipelines.io.tracking import SNAPSHOT, TRAINING_ID, Tracking, TrainingRun

if TYPE_CHECKING:  # Keras and MLflow are imported where they are used: 4 s and 2 s
    import keras
    from mlflow.entities.model_registry import ModelVersion, RegisteredModel

__all__ = [
    "CHAMPION",
    "PREVIOUS",
    "ROLLED_BACK",
    "LoadedModel",
    "ModelFiles",
    "ModelManifestError",
    "UnknownModelError",
    "champion",
    "download_champions",
    "download_model",
    "find_aliases",
    "find_version",
    "load_model",
    "promote",
    "register_model",
    "resolve",
    "rolled_back_at",
    "tag_version",
]

log = logging.getLogger(__name__)

CHAMPION = "champion"
CHALLENGER = "challenger"
PREVIOUS = "previous"  # the champion before
ROLLED_BACK = "rolled_back_at"  # tag of a version that was champion, and was taken back by hand
_MANIFEST_TAG = "manifest_sha256"
_ARTIFACTS = "model"  # the version's folder among its run's artifacts


class UnknownModelError(MalgilError):
    """The registry has no such model, version or alias."""


def register_model(
    run: TrainingRun,
    name: str,
    *,
    network: "keras.Model",
    encoder: TextEncoder,
    snapshot: str,
    metrics: Mapping[str, float],
    documents: Mapping[str, str] | None = None,
    parts: Mapping[str, "keras.Model"] | None = None,
) -> str:
    """The version of this training, with the alias `challenger`; `documents` and `parts` are further files of its.

    A training has one version: registering it again changes nothing but the alias. The version appears only
    when all its files stand in the artifact store, so a killed registration leaves none.
    """
    version = find_version(run.tracking, name, training_id=run.training_id)
    if version is None:
        started = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model"
            write_model(path, network=network, encoder=encoder, documents=documents, parts=parts)
            run.tracking.client.log_artifacts(run.run_id, str(path), _ARTIFACTS)
            manifest = file_sha256(path / MANIFEST)
        tags = {TRAINING_ID: run.training_id, SNAPSHOT: snapshot, _MANIFEST_TAG: manifest, **metrics}
        version = _create_version(run, name, tags)
        log.info("registered %s version %s in %.1f s", name, version, time.monotonic() - started)
    run.tracking.client.set_registered_model_alias(name, CHALLENGER, version)
    return version


def download_model(tracking: Tracking, name: str, alias_or_version: str) -> ModelFiles:
    """The version's files in the local cache, checked; downloaded only once.

    Raises UnknownModelError where the registry has none, ModelManifestError where a file is missing, new or
    changed.
    """
    found = resolve(tracking, name, alias_or_version)
    expected = found.tags[_MANIFEST_TAG]
    path = Path(tracking.config.cache) / name / str(found.version) / expected[:16]
    if not path.exists():
        _download(tracking, found, path)
    verify_files(str(path), manifest_sha256=expected)
    return ModelFiles(str(path.resolve()), name, str(found.version))


def download_champions(tracking: Tracking, names: Mapping[str, str]) -> dict[str, ModelFiles]:
    """The champion's files, by the same keys, of those models that have one."""
    return {key: download_model(tracking, name, CHAMPION) for key, name in names.items() if champion(tracking, name)}


def find_version(tracking: Tracking, name: str, *, training_id: str) -> str | None:
    """The version that this training registered; None where it has none yet."""
    condition = f"name = '{name}' and tags.{TRAINING_ID} = '{training_id}'"
    found = tracking.client.search_model_versions(condition, max_results=1)
    return str(found[0].version) if found else None


def champion(tracking: Tracking, name: str) -> str | None:
    """The version that predicts for users; None before the first promotion."""
    return find_aliases(tracking, name).get(CHAMPION)


def find_aliases(tracking: Tracking, name: str) -> dict[str, str]:
    """The version of each alias; none of a model that is not registered."""
    model = _find_model(tracking, name)
    return {alias: str(version) for alias, version in model.aliases.items()} if model else {}


def promote(tracking: Tracking, name: str, version: str) -> None:
    """Make the version the champion, in one step: a reader finds the old champion or the new one.

    The old one is `previous` from then on, and the new one no longer counts as rolled back.
    """
    before = champion(tracking, name)
    if before not in (None, version):
        tracking.client.set_registered_model_alias(name, PREVIOUS, before)
    if rolled_back_at(tracking, name, version):
        tracking.client.delete_model_version_tag(name, version, ROLLED_BACK)
    tracking.client.set_registered_model_alias(name, CHAMPION, version)


def rolled_back_at(tracking: Tracking, name: str, version: str) -> str | None:
    """When the version was taken back by hand; None where it was not."""
    tags: dict[str, str] = resolve(tracking, name, version).tags
    return tags.get(ROLLED_BACK)


def resolve(tracking: Tracking, name: str, alias_or_version: str) -> "ModelVersion":
    """The version in the registry, with its tags. Raises UnknownModelError, which names those there are."""
    aliases = find_aliases(tracking, name)
    version = aliases.get(alias_or_version, alias_or_version)
    found = tracking.client.search_model_versions(f"name = '{name}'")
    for candidate in found:
        if str(candidate.version) == version:
            return tracking.client.get_model_version(name, version)
    known = ", ".join([*sorted(aliases), *(str(candidate.version) for candidate in found)]) or "nothing"
    raise UnknownModelError(
        f"{name}: expected a version or alias of {known}, received {alias_or_version!r}; train a model first"
    )


def tag_version(tracking: Tracking, name: str, version: str, tags: Mapping[str, object]) -> None:
    """Write facts that are known only after the registration (test metrics, the decision) on the version."""
    for key, value in tags.items():
        tracking.client.set_model_version_tag(name, version, key, str(value))


def _create_version(run: TrainingRun, name: str, tags: Mapping[str, object]) -> str:
    client = run.tracking.client
    if _find_model(run.tracking, name) is None:
        client.create_registered_model(name)
    source = f"{client.get_run(run.run_id).info.artifact_uri}/{_ARTIFACTS}"
    created = client.create_model_version(name, source, run_id=run.run_id, tags=dict(tags))
    return str(created.version)


def _find_model(tracking: Tracking, name: str) -> "RegisteredModel | None":
    found = tracking.client.search_registered_models(f"name = '{name}'", max_results=1)
    return found[0] if found else None


def _download(tracking: Tracking, found: "ModelVersion", path: Path) -> None:
    """Into the cache, under a temporary name first: a killed download leaves nothing that looks whole."""
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException

    path.parent.mkdir(parents=True, exist_ok=True)
    uri = tracking.config.tracking_uri
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        try:
            source = download_artifacts(artifact_uri=found.source, dst_path=folder, tracking_uri=uri)
        except (OSError, MlflowException) as error:
            raise ModelManifestError(
                f"{found.name} version {found.version}: expected its files at {found.source}, found "
                "none that can be read; restore them or train again"
            ) from error
        shutil.move(source, path)
