"""One model's released versions in a live process: loaded once, checked, and refused where they cannot predict."""

import logging
import os
import tempfile
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Generic, TypeVar
from zipfile import ZipFile

from models.files import locate
from pipelines.errors import MalgilError
from pipelines.io.model_files import LoadedModel, ModelFiles, load_model, verify_files
from pipelines.io.model_releases import ReleasedModel, read_refusal, read_release, write_refusal

log = logging.getLogger(__name__)

Live = TypeVar("Live")
Prepare = Callable[[LoadedModel, Path], Live]


class ReleasedVersions(Generic[Live]):
    """What a release names, in this process: `production` and `staging`, None where there is none.

    A version that cannot be loaded, whose files are not those of its manifest, or that `prepare` finds a fault with is
    refused: this process says so in the store and never tries it again. Versions that change places load nothing.
    `prepare` makes of a version's checked files what predicts.
    """

    def __init__(self, folder: str, prepare: "Prepare[Live]") -> None:
        self.production: Live | None = None
        self.staging: Live | None = None
        self._folder, self._prepare = folder, prepare
        self._loaded: dict[ReleasedModel, Live] = {}

    def look(self) -> None:
        """Take what the release names now; what was there stays where neither its production nor standby can predict.

        Raises an error of the file system where the store does not answer.
        """
        release = read_release(self._folder)
        if release is None:
            return
        production = self._load_first(release.production, release.standby)
        if release.production and production is None:
            return
        self.production, self.staging = production, self._load_first(release.staging)
        kept = (self.production, self.staging)
        self._loaded = {released: model for released, model in self._loaded.items() if model in kept}

    def read_fault(self) -> str | None:
        """Why the release's production was refused; None where it was not, or where there is no release."""
        release = read_release(self._folder)
        return read_refusal(self._folder, release.production) if release and release.production else None

    def _load_first(self, *candidates: ReleasedModel | None) -> Live | None:
        """The first one that can predict."""
        for released in filter(None, candidates):
            if released in self._loaded:
                return self._loaded[released]
            if read_refusal(self._folder, released) is None and (model := self._load_or_refuse(released)):
                self._loaded[released] = model
                return model
        return None

    def _load_or_refuse(self, released: ReleasedModel) -> Live | None:
        """None where it is refused. Raises an error of the file system where the store does not answer."""
        filesystem, path = locate(released.url)
        archive = filesystem.cat_file(path)
        try:
            return self._load(released, archive)
        except MalgilError as error:
            write_refusal(self._folder, released, str(error))
        except Exception as error:  # a file that somebody else made can fail in any way
            write_refusal(self._folder, released, f"it cannot be loaded: {type(error).__name__}")
        return None

    def _load(self, released: ReleasedModel, archive: bytes) -> Live:
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="malgil-model-") as folder:
            with ZipFile(BytesIO(archive)) as files:
                files.extractall(folder)
            verify_files(folder, manifest_sha256=released.manifest_sha256)
            live = self._prepare(load_model(ModelFiles(folder, released.name, released.version)), Path(folder))
        name, version, seconds = released.name, released.version, time.monotonic() - started
        log.warning("process %d predicts with %s version %s, loaded in %.1f s", os.getpid(), name, version, seconds)
        return live
