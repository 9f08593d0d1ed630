"""The models that live workers are to predict with: files in the store that the driver writes and workers read.

    live/models/release.json            each slot's version, and the one that predicts where production's is refused
    live/models/refused/<id>.json       written by a worker in which that version failed its checks
    live/models/<part>/…                the same two of the models that a prediction's further parts come from
    models/<name>-<version>-<hash>/     the version's files

So any number of workers, on any node, follow the registry, which only the driver asks.
"""

import json
import logging
import posixpath
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from models.files import read_bytes, remove_file, write_bytes
from pipelines.io.model_files import ModelFiles, read_manifest_sha256, version_id
from pipelines.io.shared_model import zip_model
from pipelines.io.store import Store

log = logging.getLogger(__name__)

_KIND = "models"
_ARCHIVE = "model.zip"


@dataclass(frozen=True)
class ReleasedModel:
    """A version that lies in the store."""

    name: str
    version: str
    manifest_sha256: str
    output_id: str  # of the store's models
    url: str  # of its files, as a ZIP


@dataclass(frozen=True)
class Release:
    """What live workers predict with, of one model."""

    production: ReleasedModel | None = None  # None: nothing, where a part of the prediction may be empty
    standby: ReleasedModel | None = None  # production where that one is refused; None before there was another
    staging: ReleasedModel | None = None  # for a share of the rooms; they are production's where it is refused

    @property
    def models(self) -> set[ReleasedModel]:
        """All that a worker may want."""
        return {model for model in (self.production, self.standby, self.staging) if model}


def store_model(store: Store, model: ModelFiles) -> ReleasedModel:
    """The version's files, put into the store where they are not there yet."""
    manifest, output_id = read_manifest_sha256(model), version_id(model)
    if store.manifest(_KIND, output_id) is None:
        store.publish(_KIND, output_id, lambda draft: _write_archive(model, draft))
    return ReleasedModel(model.name, model.version, manifest, output_id, store.url(_KIND, output_id, _ARCHIVE))


def remove_other_models(store: Store, releases: Iterable[Release]) -> None:
    """Remove the files of versions that no worker may want any more: those that are in none of the releases."""
    kept = {model.output_id for release in releases for model in release.models}
    for output_id in set(store.outputs(_KIND)) - kept:
        store.remove(store.url(_KIND, output_id))


def read_release(folder: str) -> Release | None:
    """The folder's release; None before the first one, and for the moment in which it is replaced."""
    content = read_bytes(_release_url(folder))
    if content is None:
        return None
    return Release(**{role: ReleasedModel(**model) for role, model in json.loads(content).items() if model})


def write_release(folder: str, release: Release) -> None:
    """Replace the release as a whole."""
    write_bytes(_release_url(folder), json.dumps(asdict(release)).encode())


def write_refusal(folder: str, model: ReleasedModel, reason: str) -> None:
    """Say that the version failed its checks in a worker."""
    log.error("%s version %s is refused: %s", model.name, model.version, reason)
    write_bytes(_refusal_url(folder, model), json.dumps({"version": model.version, "reason": reason}).encode())


def read_refusal(folder: str, model: ReleasedModel) -> str | None:
    """Why a worker refused the version; None where none did."""
    content = read_bytes(_refusal_url(folder, model))
    return None if content is None else str(json.loads(content)["reason"])


def forget_refusal(folder: str, model: ReleasedModel) -> None:
    """Give the version another try."""
    remove_file(_refusal_url(folder, model))


def _write_archive(model: ModelFiles, draft: str) -> dict[str, str]:
    with tempfile.TemporaryDirectory() as folder:
        archive = zip_model(Path(model.path), Path(folder) / _ARCHIVE)
        write_bytes(posixpath.join(draft, _ARCHIVE), archive.read_bytes())
    return {"name": model.name, "version": model.version}


def _release_url(folder: str) -> str:
    return posixpath.join(folder, "release.json")


def _refusal_url(folder: str, model: ReleasedModel) -> str:
    return posixpath.join(folder, "refused", f"{model.output_id}.json")
