"""The slots' models in a live Python worker: loaded once, and replaced by newer ones that were loaded behind them."""

import gc
import logging
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from zipfile import ZipFile

from models.files import locate
from pipelines.errors import MalgilError
from pipelines.io.model_files import ModelFiles, load_model, verify_files
from pipelines.io.model_releases import Release, ReleasedModel, read_refusal, read_release, write_refusal
from pipelines.io.python_worker import keep_archives_read, keep_objects
from pipelines.io.shared_model import start_tensorflow
from pipelines.live_models import LiveModel, LiveModels
from pipelines.prediction import PredictionConfig, create_predictor
from pipelines.self_test import check_predictor

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ModelSource:
    """Where a worker finds the release, and how it uses the models."""

    folder: str  # the release's, a URL
    look_every_s: float
    prediction: PredictionConfig
    staging_percent: float = 0.0


class FollowedModels:
    """The release's models, from `current`: always ones that passed their checks, without waiting for others.

    A thread of its own looks for a new release and loads what is new in it; whoever predicts meanwhile has the one
    before. A version that cannot be loaded, whose files are not those of its manifest, or that fails its self-test is
    refused: this worker says so in the store and never tries it again. Two slots that change places load nothing.
    `after_change` is called when the models are there, and whenever others have taken their place.
    """

    def __init__(self, source: ModelSource, *, after_change: Callable[[], object]) -> None:
        self._source, self._after_change = source, after_change
        self._loaded: dict[ReleasedModel, LiveModel] = {}
        self.current = self._start()
        self._after_change()
        self._over = threading.Event()
        self._follower = threading.Thread(target=self._follow, name="followed-models", daemon=True)
        self._follower.start()

    def close(self) -> None:
        """Look for no other release; `current` stays."""
        self._over.set()
        self._follower.join()

    def _start(self) -> LiveModels:
        """Raises MalgilError where neither the wanted version nor the standby can predict."""
        release = read_release(self._source.folder)
        if release is None:
            folder = self._source.folder
            raise MalgilError(f"expected a model's release in {folder}, found none; start predict_stream again")
        models = self._take(release, None)
        if models is None:
            raise MalgilError(f"no model can predict: {read_refusal(self._source.folder, release.production)}")
        return models

    def _follow(self) -> None:
        while not self._over.wait(self._source.look_every_s):
            self._look_patiently()

    def _look_patiently(self) -> None:
        try:
            release = read_release(self._source.folder)
            models = self._take(release, self.current) if release else None
            if models is not None and models is not self.current:
                self.current = models
                self._after_change()
        except Exception as error:  # the store does not answer: the models stay, the next look may find it
            log.warning("no look for a new model: %s", type(error).__name__)

    def _take(self, release: Release, before: LiveModels | None) -> LiveModels | None:
        """The release's models, those of `before` where they are the same; None where no one can be production."""
        production = self._load_first(release.production, release.standby)
        if production is None:
            return None
        staging = self._load_first(release.staging)
        kept = (production, staging)
        self._loaded = {released: model for released, model in self._loaded.items() if model in kept}
        if before and (before.production, before.staging) == kept:
            return before
        return LiveModels(production, staging, self._source.staging_percent)

    def _load_first(self, *candidates: ReleasedModel | None) -> LiveModel | None:
        """The first one that can predict."""
        for released in filter(None, candidates):
            if released in self._loaded:
                return self._loaded[released]
            if read_refusal(self._source.folder, released) is None and (
                model := _load_or_refuse(self._source, released)
            ):
                self._loaded[released] = model
                return model
        return None


@contextmanager
def following_models(source: ModelSource) -> Iterator[FollowedModels]:
    """The models in a process that is no Spark task; inside, the next ones as well.

    What was replaced is freed at once: a network is full of cycles, and Python would come to collect them late.
    """
    followed = FollowedModels(source, after_change=gc.collect)
    try:
        yield followed
    finally:
        followed.close()


@lru_cache(maxsize=1)
def follow_models(source: ModelSource) -> FollowedModels:
    """This worker's models; its first call loads them. In a Spark task only."""
    keep_archives_read()
    start_tensorflow()
    return FollowedModels(source, after_change=keep_objects)


def _load_or_refuse(source: ModelSource, released: ReleasedModel) -> LiveModel | None:
    """None where it is refused. Raises an error of the file system where the store does not answer."""
    filesystem, path = locate(released.url)
    archive = filesystem.cat_file(path)
    try:
        return _load(source, released, archive)
    except MalgilError as error:
        write_refusal(source.folder, released, str(error))
    except Exception as error:  # a file that somebody else made can fail in any way
        write_refusal(source.folder, released, f"it cannot be loaded: {type(error).__name__}")
    return None


def _load(source: ModelSource, released: ReleasedModel, archive: bytes) -> LiveModel:
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="malgil-model-") as folder:
        with ZipFile(BytesIO(archive)) as files:
            files.extractall(folder)
        verify_files(folder, manifest_sha256=released.manifest_sha256)
        loaded = load_model(ModelFiles(folder, released.name, released.version))
    predictor = create_predictor(loaded, source.prediction)
    check_predictor(predictor, name=released.name, version=released.version)
    seconds = time.monotonic() - started
    log.warning(
        "process %d predicts with %s version %s, loaded in %.1f s",
        os.getpid(),
        released.name,
        released.version,
        seconds,
    )
    return LiveModel(predictor, released.name, released.version)
