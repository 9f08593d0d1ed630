"""The model in a live Python worker: loaded once, and replaced by a newer one that was loaded behind it."""

import logging
import os
import tempfile
import threading
import time
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from zipfile import ZipFile

from models.files import locate
from pipelines.errors import MalgilError
from pipelines.io.model_files import ModelFiles, load_model, verify_files
from pipelines.io.model_releases import ReleasedModel, read_refusal, read_release, write_refusal
from pipelines.io.shared_model import start_tensorflow
from pipelines.live_prediction import LiveModel
from pipelines.prediction import PredictionConfig, create_predictor
from pipelines.self_test import check_predictor

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ModelSource:
    """Where a worker finds the release, and how it uses the model."""

    folder: str  # the release's, a URL
    look_every_s: float
    prediction: PredictionConfig


class FollowedModel:
    """The release's model, from `current`: always one that passed its checks, without waiting for another.

    A thread of its own looks for a new release and loads it; whoever predicts meanwhile has the one before. A version
    that cannot be loaded, whose files are not those of its manifest, or that fails its self-test is refused: this
    worker says so in the store and never tries it again.
    """

    def __init__(self, source: ModelSource) -> None:
        self._source = source
        self._loaded, self.current = _load_release(source)
        self._over = threading.Event()
        self._follower = threading.Thread(target=self._follow, name="followed-model", daemon=True)
        self._follower.start()

    def close(self) -> None:
        """Look for no other release; `current` stays."""
        self._over.set()
        self._follower.join()

    def _follow(self) -> None:
        while not self._over.wait(self._source.look_every_s):
            self._look_patiently()

    def _look_patiently(self) -> None:
        try:
            self._look()
        except Exception as error:  # the store does not answer: the model stays, the next look may find it
            log.warning("no look for a new model: %s", type(error).__name__)

    def _look(self) -> None:
        release = read_release(self._source.folder)
        if release is None or release.wanted == self._loaded:
            return
        if read_refusal(self._source.folder, release.wanted) is None:
            model = _load_or_refuse(self._source, release.wanted)
            if model is not None:
                self._loaded, self.current = release.wanted, model


@lru_cache(maxsize=1)
def follow_model(source: ModelSource) -> FollowedModel:
    """This worker's model; its first call loads it. In a Spark task only."""
    start_tensorflow()
    return FollowedModel(source)


def _load_release(source: ModelSource) -> tuple[ReleasedModel, LiveModel]:
    """The wanted model, or the standby where that one is refused. Raises MalgilError when there is neither."""
    release = read_release(source.folder)
    if release is None:
        raise MalgilError(f"expected a model's release in {source.folder}, found none; start predict_stream again")
    for released in filter(None, (release.wanted, release.standby)):
        if read_refusal(source.folder, released) is None and (model := _load_or_refuse(source, released)):
            return released, model
    reason = read_refusal(source.folder, release.wanted)
    raise MalgilError(f"no model can predict: {reason}")


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
