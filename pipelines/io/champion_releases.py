"""The registry's champion as the release that live workers follow: looked at again and again while a query runs."""

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
from pipelines.io.registry import champion, download_model
from pipelines.io.store import Store
from pipelines.io.tracking import Tracking
from pipelines.polling import polling

log = logging.getLogger(__name__)


class ChampionReleases:
    """Releases of one model's champions. `refused`: versions that never predicted, with the reason."""

    def __init__(self, tracking: Tracking, store: Store, name: str) -> None:
        self.folder = store.url("live", "models")
        self.refused: dict[str, str] = {}
        self._tracking, self._store, self._name = tracking, store, name
        self._release = self._release_first()

    def look(self) -> None:
        """Release a new champion, and withdraw one that a worker refused. Raises the registry's or store's errors."""
        wanted, standby = self._release.wanted, self._release.standby
        if wanted.version not in self.refused and (reason := read_refusal(self.folder, wanted)):
            self._refuse(wanted.version, reason)
            if standby:
                self._write(Release(standby))
        version = champion(self._tracking, self._name)
        if version in (None, self._release.wanted.version, *self.refused):
            return
        if (released := self._fetch(str(version))) is not None:
            self._write(Release(released, standby=self._release.wanted))

    def _release_first(self) -> Release:
        """The champion, with what was released before as its standby; that one alone where it is refused."""
        before, version = read_release(self.folder), champion(self._tracking, self._name)
        if version is None:
            raise MalgilError(f"{self._name}: expected a champion in the registry, found none; train and promote one")
        released = self._fetch(version)
        if released is None:
            if before is None:
                raise MalgilError(f"no model can predict: {self.refused[version]}")
            return before
        forget_refusal(self.folder, released)
        self._write(Release(released, _choose_standby(before, released)))
        return self._release

    def _fetch(self, version: str) -> ReleasedModel | None:
        """The version in the store; None where its files are not those of its manifest."""
        try:
            model = download_model(self._tracking, self._name, version)
        except ModelManifestError as error:
            self._refuse(version, str(error))
            return None
        return store_model(self._store, model)

    def _refuse(self, version: str, reason: str) -> None:
        log.error("%s version %s is refused: %s", self._name, version, reason)
        self.refused[version] = reason

    def _write(self, release: Release) -> None:
        write_release(self.folder, release)
        self._release = release
        remove_other_models(self._store, release)
        log.info("%s version %s is released", self._name, release.wanted.version)


def _choose_standby(before: Release | None, released: ReleasedModel) -> ReleasedModel | None:
    if before is None:
        return None
    return before.standby if before.wanted == released else before.wanted


@contextmanager
def release_champions(
    tracking: Tracking, store: Store, name: str, *, look_every_s: float
) -> Iterator[ChampionReleases]:
    """The champion, released; inside, the next ones as well, within `look_every_s`.

    Raises MalgilError where there is no champion, or no version that can be used. Later on, a registry or a store
    that does not answer is only logged: what was released goes on predicting.
    """
    releases = ChampionReleases(tracking, store, name)
    with polling(lambda: _look_patiently(releases), every_s=look_every_s, name="champion-releases"):
        yield releases


def _look_patiently(releases: ChampionReleases) -> None:
    try:
        releases.look()
    except Exception as error:  # whatever does not answer now may answer the next time
        log.warning("no look for a new champion: %s", type(error).__name__)
