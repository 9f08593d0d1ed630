"""The slots' models in a live process: loaded once, and replaced by newer ones that were loaded behind them."""

import gc
import logging
import os
import posixpath
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from pipelines.errors import MalgilError
from pipelines.io.bot_heads import BotHeads
from pipelines.io.knowledge_bases import KnowledgeBases, KnowledgeRules
from pipelines.io.model_files import LoadedModel, ModelFiles, version_id
from pipelines.io.python_worker import keep_archives_read, keep_objects
from pipelines.io.released_versions import ReleasedVersions
from pipelines.io.sharded_versions import read_version
from pipelines.io.shared_model import start_tensorflow
from pipelines.live_models import REPLY, SLOTS, LiveModel, LiveModels, LiveReplier, LiveTagger, label_part
from pipelines.prediction import PredictionConfig, create_predictor
from pipelines.replies import create_reply_predictor, read_response_set
from pipelines.self_test import check_predictor, check_reply_predictor, check_tagger
from pipelines.slot_filling import create_tagger, read_transitions
from pipelines.suggestions import SuggestionsConfig

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ModelSource:
    """Where a worker finds the releases, and how it uses the models."""

    folder: str  # the releases', a URL
    look_every_s: float
    prediction: PredictionConfig
    staging_percent: float = 0.0
    tasks: tuple[str, ...] = ()  # whose models, where they are released, add labels
    suggestions: SuggestionsConfig | None = None  # None: no replies are suggested
    with_slots: bool = False  # whether a model that finds slots, where one is released, finds them
    bots: str | None = None  # the folder of bots' heads, a URL; None: all bots are predicted by the models
    bots_cached: int = 5_000  # heads that are kept
    knowledge: str | None = None  # the folder of knowledge bases, a URL; None: no message is answered from one
    knowledge_rules: KnowledgeRules = KnowledgeRules(count=3, cached_mib=512)


class FollowedModels:
    """The releases' models, from `current`: always ones that passed their checks, without waiting for others.

    A thread of its own looks for new releases and loads what is new in them; whoever predicts meanwhile has what was
    there before. What is refused, and by what, is written in ReleasedVersions. Without a model of a further part
    (a task's labels, the replies) that part is empty, until one is released.
    `after_change` is called when the models are there, and whenever others have taken their place.
    """

    def __init__(self, source: ModelSource, *, after_change: Callable[[], object]) -> None:
        self._source, self._after_change = source, after_change
        self._intent = ReleasedVersions(source.folder, partial(_prepare_model, source.prediction))
        self._labels, self._reply, self._tagger = _follow_labels(source), _follow_reply(source), _follow_tagger(source)
        self._bots: BotHeads | None = None
        self._knowledge: KnowledgeBases | None = None
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
        """Raises MalgilError where neither the wanted intent version nor the standby can predict."""
        self._intent.look()
        models = self._look_further()
        if models is not None:
            _warm_up(models)
            return models
        if fault := self._intent.read_fault():
            raise MalgilError(f"no model can predict: {fault}")
        raise MalgilError(
            f"expected a model's release in {self._source.folder}, found none; start predict_stream again"
        )

    def _follow(self) -> None:
        while not self._over.wait(self._source.look_every_s):
            _look_patiently(self._intent)
            models = self._look_further()
            if models is not None and models != self.current:
                _warm_up(models)
                self.current = models
                self._after_change()

    def _look_further(self) -> LiveModels | None:
        """The models that there are after a look at those of further parts; None where no one predicts intents."""
        for label in self._labels.values():
            _look_patiently(label)
        if self._reply:
            _look_patiently(self._reply)
        if self._tagger:
            _look_patiently(self._tagger)
        if self._intent.production is None:
            return None
        labellers = {task: label.production for task, label in self._labels.items() if label.production}
        replier = self._reply.production if self._reply else None
        tagger = self._tagger.production if self._tagger else None
        self._look_for_bots()
        self._look_for_knowledge()
        return LiveModels(
            self._intent.production, self._intent.staging, self._source.staging_percent, labellers, replier,
            self._bots, tagger, self._knowledge,
        )  # fmt: skip

    def _look_for_bots(self) -> None:
        """Take the bots' heads that are in use now; those there were stay where the store does not answer."""
        if self._source.bots is None:
            return
        try:
            version = read_version(self._source.bots)
        except Exception as error:  # as above
            log.warning("no look for new bots: %s", type(error).__name__)
            return
        if version is None or (self._bots and self._bots.version == version):
            return
        self._bots = BotHeads(version, cached=self._source.bots_cached)
        log.warning("process %d predicts bots by their heads of version %s", os.getpid(), version.version)

    def _look_for_knowledge(self) -> None:
        """Take the knowledge bases that are in use now, with the bots loaded that were; the old ones stay as above."""
        if self._source.knowledge is None:
            return
        old = self._knowledge
        try:
            version = read_version(self._source.knowledge)
            if version is None or (old and old.version == version):
                return
            new = old.succeed(version) if old else KnowledgeBases(version, self._source.knowledge_rules)
        except Exception as error:  # as above
            log.warning("no look for new knowledge bases: %s", type(error).__name__)
            return
        self._knowledge = new
        log.warning("process %d answers from the knowledge bases of version %s", os.getpid(), version.version)


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


def _warm_up(models: LiveModels) -> None:
    """TensorFlow compiles a function at its first call, for which no message is to wait."""
    if reader := models.find_reader():
        reader(["안녕하세요"])


def _look_patiently(versions: ReleasedVersions[Any]) -> None:
    try:
        versions.look()
    except Exception as error:  # the store does not answer: the models stay, the next look may find it
        log.warning("no look for a new model: %s", type(error).__name__)


def _follow_labels(source: ModelSource) -> dict[str, ReleasedVersions[LiveModel]]:
    prepare = partial(_prepare_model, replace(source.prediction, top_k=1))
    return {
        task: ReleasedVersions(posixpath.join(source.folder, label_part(task)), prepare)
        for task in sorted(source.tasks)
    }


def _follow_reply(source: ModelSource) -> ReleasedVersions[LiveReplier] | None:
    if source.suggestions is None:
        return None
    return ReleasedVersions(posixpath.join(source.folder, REPLY), partial(_prepare_replier, source.suggestions))


def _follow_tagger(source: ModelSource) -> ReleasedVersions[LiveTagger] | None:
    if not source.with_slots:
        return None
    return ReleasedVersions(posixpath.join(source.folder, SLOTS), _prepare_tagger)


def _prepare_model(config: PredictionConfig, loaded: LoadedModel, folder: Path) -> LiveModel:
    """Raises ModelSelfTestError."""
    predictor = create_predictor(loaded, config)
    check_predictor(predictor, name=loaded.name, version=loaded.version)
    files_id = version_id(ModelFiles(str(folder), loaded.name, loaded.version))
    return LiveModel(predictor, loaded.name, loaded.version, files_id)


def _prepare_replier(config: SuggestionsConfig, loaded: LoadedModel, folder: Path) -> LiveReplier:
    """Raises ModelSelfTestError."""
    predictor = create_reply_predictor(loaded, read_response_set(folder), config)
    check_reply_predictor(predictor, name=loaded.name, version=loaded.version)
    files_id = version_id(ModelFiles(str(folder), loaded.name, loaded.version))
    return LiveReplier(predictor, loaded.name, loaded.version, files_id)


def _prepare_tagger(loaded: LoadedModel, folder: Path) -> LiveTagger:
    """Raises ModelSelfTestError."""
    tagger = create_tagger(loaded, read_transitions(folder))
    check_tagger(tagger, name=loaded.name, version=loaded.version)
    return LiveTagger(tagger, loaded.name, loaded.version)
