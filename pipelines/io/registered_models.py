"""The registry as the console shows it: models with their versions, and what one version is."""

import logging
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.encoding import TextEncoder
from pipelines.errors import MalgilError
from pipelines.io.model_files import ENCODER
from pipelines.io.registry import CHAMPION, ROLLED_BACK, download_model, find_aliases, resolve
from pipelines.io.tracking import MlflowConfig, Tracking, connect_mlflow, hide_credentials

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

log = logging.getLogger(__name__)

_PICTURES = "pictures"  # where a training's run keeps them
_SHOWN = 30  # versions of a model


@dataclass(frozen=True)
class VersionFacts:
    """What the registry says of a version."""

    model: str
    version: str
    aliases: tuple[str, ...]
    created_at: str  # ISO 8601, UTC
    metrics: Mapping[str, float]  # its tags that are numbers
    facts: Mapping[str, str]  # the other tags: snapshot, why it was not promoted, …
    rolled_back_at: str | None
    mlflow_run: str | None  # that trained it


class RegisteredModels:
    """MLflow's registry, connected to when it is first asked."""

    def __init__(self, config: MlflowConfig) -> None:
        self._config, self._lock = config, threading.Lock()
        self._tracking: Tracking | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The models that predict, by the settings, the intents' first."""
        config = self._config
        return (
            config.intent_model,
            config.reply_model,
            *config.label_models.values(),
            config.seq2seq_model,
            config.slots_model,
        )

    @contextmanager
    def asking(self) -> Iterator[Tracking]:
        """A connection; raises MalgilError where MLflow does not answer, or not any more."""
        from mlflow.exceptions import MlflowException

        with self._lock:
            if self._tracking is None:
                self._tracking = connect_mlflow(self._config)
        try:
            yield self._tracking
        except MlflowException as error:
            fault = hide_credentials(str(error).partition("\n")[0])
            raise MalgilError(f"mlflow.tracking_uri: expected an answer of MLflow, received: {fault}") from error

    def list_versions(self, name: str) -> list[VersionFacts]:
        """The newest ones, the newest first; none of a model that nobody trained."""
        with self.asking() as tracking:
            found = tracking.client.search_model_versions(f"name = '{name}'")
            newest = sorted(found, key=lambda one: -int(one.version))[:_SHOWN]
            aliases = find_aliases(tracking, name) if newest else {}
        return [_describe(one, aliases) for one in newest]

    def find_version(self, name: str, version: str) -> VersionFacts:
        """Raises UnknownModelError where there is none."""
        with self.asking() as tracking:
            return _describe(resolve(tracking, name, version), find_aliases(tracking, name))

    def list_pictures(self, mlflow_run: str) -> list[str]:
        """Names of the pictures that a training left; none where it left none."""
        with self.asking() as tracking:
            files = tracking.client.list_artifacts(mlflow_run, _PICTURES)
        return [Path(file.path).stem for file in files if file.path.endswith(".png")]

    def read_picture(self, mlflow_run: str, name: str) -> bytes:
        """A picture that `list_pictures` names, as PNG. Raises MalgilError for another one."""
        if name not in self.list_pictures(mlflow_run):
            raise MalgilError(f"run {mlflow_run}: expected a picture {name}, found none")
        with tempfile.TemporaryDirectory() as folder, self.asking() as tracking:
            path = tracking.client.download_artifacts(mlflow_run, f"{_PICTURES}/{name}.png", folder)
            return Path(path).read_bytes()

    def intents(self) -> Sequence[str]:
        """Those that the champion tells apart; none where there is no champion, or where the registry does not answer.

        A correction may then still choose among the most probable ones.
        """
        try:
            with self.asking() as tracking:
                files = download_model(tracking, self._config.intent_model, CHAMPION)
        except MalgilError as error:
            log.warning("no list of intents: %s", error)
            return ()
        return TextEncoder.from_json((Path(files.path) / ENCODER).read_text(encoding="utf8")).intents


def _describe(found: "ModelVersion", aliases: Mapping[str, str]) -> VersionFacts:
    tags: dict[str, str] = found.tags
    metrics = {name: number for name, text in tags.items() if (number := _to_number(text)) is not None}
    return VersionFacts(
        model=found.name, version=str(found.version),
        aliases=tuple(sorted(alias for alias, version in aliases.items() if version == str(found.version))),
        created_at=datetime.fromtimestamp(found.creation_timestamp / 1000, timezone.utc).isoformat(),
        metrics=metrics, facts={name: text for name, text in tags.items() if name not in metrics},
        rolled_back_at=tags.get(ROLLED_BACK), mlflow_run=found.run_id or None,
    )  # fmt: skip


def _to_number(text: str) -> float | None:
    """A metric's tag as a number; None of other tags, ids of digits among them."""
    is_number = "." in text and text.replace(".", "", 1).replace("e-", "", 1).lstrip("-").isdigit()
    return float(text) if is_number else None
