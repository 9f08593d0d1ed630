"""The registry's slots as the release that live workers follow: looked at again and again while a query runs."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from pipelines.errors import MalgilError
from pipelines.io.model_files import ModelManifestError
from pipelines.io.model_releases import (
    Release,
    ReleasedModel,
    forget_refusal,
    read_refusal,
    read_release,
    remove_other_models,
    store_model,
    write_release,
)
from pipelines.io.model_slots import staged
from pipelines.io.registry import champion, download_model
from pipelines.io.store import Store
from pipelines.io.tracking import Tracking
from pipelines.polling import polling

log = logging.getLogger(__name__)


class SlotReleases:
    """Releases of one model's slots. `refused`: versions that never predicted, with the reason."""

    def __init__(self, tracking: Tracking, store: Store, name: str, *, with_staging: bool = False) -> None:
        self.folder = store.url("live", "models")
        self.refused: dict[str, str] = {}
        self._tracking, self._store, self._name, self._with_staging = tracking, store, name, with_staging
        self.current = self._release_first()

    def look(self) -> None:
        """Release what is new in a slot, withdraw what a worker refused. Raises the registry's or store's errors."""
        self._note_refusals()
        production, standby = self._choose_production()
        release = Release(production, standby, self._choose_staging())
        if release != self.current:
            self._write(release)

    def _release_first(self) -> Release:
        """The champion, with what was released before as its standby; that one alone where it is refused."""
        before, version = read_release(self.folder), champion(self._tracking, self._name)
        if version is None:
            raise MalgilError(f"{self._name}: expected a champion in the registry, found none; train and promote one")
        released, staging = self._fetch(version), self._fetch(self._staged())
        if released is None:
            if before is None:
                raise MalgilError(f"no model can predict: {self.refused[version]}")
            return before
        for model in filter(None, (released, staging)):
            forget_refusal(self.folder, model)
        self._write(Release(released, _choose_standby(before, released), staging))
        return self.current

    def _note_refusals(self) -> None:
        for model in filter(None, (self.current.production, self.current.staging)):
            if model.version not in self.refused and (reason := read_refusal(self.folder, model)):
                self._refuse(model.version, reason)

    def _choose_production(self) -> tuple[ReleasedModel, ReleasedModel | None]:
        """The champion and its standby; what was released before where the champion is refused."""
        production, standby = self.current.production, self.current.standby
        if production.version in self.refused and standby:
            production, standby = standby, None
        version = champion(self._tracking, self._name)
        if version == production.version or (released := self._fetch(version)) is None:
            return production, standby
        return released, production

    def _choose_staging(self) -> ReleasedModel | None:
        version, staging = self._staged(), self.current.staging
        if staging and staging.version == version and version not in self.refused:
            return staging
        return self._fetch(version)

    def _staged(self) -> str | None:
        return staged(self._tracking, self._name) if self._with_staging else None

    def _fetch(self, version: str | None) -> ReleasedModel | None:
        """The version in the store; None where there is none, or where it is refused."""
        if version is None or version in self.refused:
            return None
        try:
            return store_model(self._store, download_model(self._tracking, self._name, version))
        except ModelManifestError as error:
            self._refuse(version, str(error))
            return None

    def _refuse(self, version: str, reason: str) -> None:
        log.error("%s version %s is refused: %s", self._name, version, reason)
        self.refused[version] = reason

    def _write(self, release: Release) -> None:
        write_release(self.folder, release)
        self.current = release
        remove_other_models(self._store, release)
        staging = f", version {release.staging.version} in staging" if release.staging else ""
        log.info("%s version %s is released%s", self._name, release.production.version, staging)


def _choose_standby(before: Release | None, released: ReleasedModel) -> ReleasedModel | None:
    if before is None:
        return None
    return before.standby if before.production == released else before.production


@contextmanager
def release_slots(
    tracking: Tracking, store: Store, name: str, *, look_every_s: float, with_staging: bool
) -> Iterator[SlotReleases]:
    """The champion and, `with_staging`, the staged version, released; inside, the next ones within `look_every_s`.

    Raises MalgilError where there is no champion, or no version that can be used. Later on, a registry or a store
    that does not answer is only logged: what was released goes on predicting.
    """
    releases = SlotReleases(tracking, store, name, with_staging=with_staging)
    with polling(lambda: _look_patiently(releases), every_s=look_every_s, name="slot-releases"):
        yield releases


def _look_patiently(releases: SlotReleases) -> None:
    try:
        releases.look()
    except Exception as error:  # whatever does not answer now may answer the next time
        log.warning("no look for a new model: %s", type(error).__name__)
