"""One model's slots in the registry as the release that live workers follow: looked at again and again."""

import logging
from collections.abc import Callable

from pipelines.errors import MalgilError
from pipelines.io.model_files import ModelManifestError
from pipelines.io.model_releases import (
    Release,
    ReleasedModel,
    forget_refusal,
    read_refusal,
    read_release,
    store_model,
    write_release,
)
from pipelines.io.model_slots import staged
from pipelines.io.registry import champion, download_model
from pipelines.io.store import Store
from pipelines.io.tracking import Tracking

log = logging.getLogger(__name__)


OnRefusal = Callable[[str, str, str], None]  # gets a model's name, its version, and why it is refused


def ignore_refusal(name: str, version: str, reason: str) -> None:
    """Where nobody but the log is told."""


class SlotReleases:
    """Releases of one model's slots. `refused`: versions that never predicted, with the reason.

    `part` names the part of a prediction that the model gives: without a champion that part is empty, and when it has
    none any more, it becomes so. Without a `part` it gives the intent, for which there must be a champion.
    `on_refusal` is called for each version that is refused.
    """

    def __init__(
        self,
        tracking: Tracking,
        store: Store,
        name: str,
        *,
        part: str = "",
        with_staging: bool = False,
        on_refusal: OnRefusal = ignore_refusal,
    ) -> None:
        self.folder = store.url("live", "models", *([part] if part else []))
        self.refused: dict[str, str] = {}
        self.name, self._is_needed = name, not part
        self._tracking, self._store, self._with_staging = tracking, store, with_staging
        self._on_refusal = on_refusal
        self.current = self._release_first()

    def look(self) -> bool:
        """Release what is new in a slot, withdraw what a worker refused; True where something changed.

        Raises the registry's or store's errors.
        """
        self._note_refusals()
        production, standby = self._choose_production()
        release = Release(production, standby, self._choose_staging())
        if release == self.current:
            return False
        self._write(release)
        return True

    def _release_first(self) -> Release:
        """The champion, with what was released before as its standby; that one alone where it is refused."""
        before, version = read_release(self.folder) or Release(), champion(self._tracking, self.name)
        if version is None and self._is_needed:
            raise MalgilError(f"{self.name}: expected a champion in the registry, found none; train and promote one")
        released, staging = self._fetch(version), self._fetch(self._staged())
        if version is not None and released is None:
            if before.production is None and self._is_needed:
                raise MalgilError(f"no model can predict: {self.refused[version]}")
            return before
        for model in filter(None, (released, staging)):
            forget_refusal(self.folder, model)
        release = Release(released, _choose_standby(before, released), staging)
        if release != Release() or before != Release():  # the file of a part that was never there is not needed
            self._write(release)
        return release

    def _note_refusals(self) -> None:
        for model in filter(None, (self.current.production, self.current.staging)):
            if model.version not in self.refused and (reason := read_refusal(self.folder, model)):
                self._refuse(model.version, reason)

    def _choose_production(self) -> tuple[ReleasedModel | None, ReleasedModel | None]:
        """The champion and its standby; what was released before where the champion is refused."""
        production, standby = self.current.production, self.current.standby
        if production and production.version in self.refused and (standby or not self._is_needed):
            production, standby = standby, None
        version = champion(self._tracking, self.name)
        if version is None and not self._is_needed:
            return None, None
        if (production and version == production.version) or (released := self._fetch(version)) is None:
            return production, standby
        return released, production

    def _choose_staging(self) -> ReleasedModel | None:
        version, staging = self._staged(), self.current.staging
        if staging and staging.version == version and version not in self.refused:
            return staging
        return self._fetch(version)

    def _staged(self) -> str | None:
        return staged(self._tracking, self.name) if self._with_staging else None

    def _fetch(self, version: str | None) -> ReleasedModel | None:
        """The version in the store; None where there is none, or where it is refused."""
        if version is None or version in self.refused:
            return None
        try:
            return store_model(self._store, download_model(self._tracking, self.name, version))
        except ModelManifestError as error:
            self._refuse(version, str(error))
            return None

    def _refuse(self, version: str, reason: str) -> None:
        log.error("%s version %s is refused: %s", self.name, version, reason)
        self.refused[version] = reason
        self._on_refusal(self.name, version, reason)

    def _write(self, release: Release) -> None:
        write_release(self.folder, release)
        self.current = release
        released = f"version {release.production.version} is released" if release.production else "none is released"
        staging = f", version {release.staging.version} in staging" if release.staging else ""
        log.info("%s: %s%s", self.name, released, staging)


def _choose_standby(before: Release, released: ReleasedModel | None) -> ReleasedModel | None:
    if released is None:
        return None
    return before.standby if before.production == released else before.production
