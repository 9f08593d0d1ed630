"""The drift of live predictions: windows of each version's own predictions, compared with its profile."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from pipelines.drift import DriftConfig, Window, measure_drift
from pipelines.live_counts import Counts, find_profile
from pipelines.traits import OUT_OF_SCOPE, Profile

log = logging.getLogger(__name__)


class LiveDrift:
    """`windows`: the last whole one of each version that predicts and has a profile.

    `read_counts` gives what was counted so far, `find_versions` the versions that predict with the ids of their files,
    and `read_profile` the profile of such an id. One window follows the other, so a small one is never judged.
    """

    def __init__(
        self,
        read_counts: Callable[[], Counts],
        find_versions: Callable[[], Mapping[str, str]],
        read_profile: Callable[[str], Profile | None],
        config: DriftConfig,
    ) -> None:
        self._read_counts, self._find_versions, self._read_profile = read_counts, find_versions, read_profile
        self._config = config
        self._begun: dict[str, tuple[float, Profile]] = {}  # by version: when its window began, and what was counted
        self._references: dict[str, Profile | None] = {}
        self.windows: Mapping[str, Window] = {}

    def describe(self) -> dict[str, Any]:
        """By version; null for one whose drift cannot be told, as it has no profile."""
        unknown = {version: None for version, profile in self._references.items() if profile is None}
        return {**unknown, **{version: window.describe() for version, window in self.windows.items()}}

    def look(self, now_s: float) -> None:
        """Close the windows that are large enough by now, and forget the versions that predict no more."""
        counts, versions = self._read_counts(), self._find_versions()
        for version, output_id in versions.items():
            reference = self._find_reference(version, output_id)
            if reference is not None:
                self._look(version, reference, find_profile(counts, version), now_s)
        for known in (self._begun, self._references):
            for version in known.keys() - versions.keys():
                del known[version]
        self.windows = {version: window for version, window in self.windows.items() if version in versions}

    def _look(self, version: str, reference: Profile, counted: Profile, now_s: float) -> None:
        began_s, before = self._begun.setdefault(version, (now_s, counted))
        current = {trait: bins - before[trait] for trait, bins in counted.items()}
        rows = current[OUT_OF_SCOPE].total()
        if rows >= self._config.rows and now_s - began_s >= self._config.window_s:
            self.windows = {**self.windows, version: Window(rows, measure_drift(reference, current))}
            self._begun[version] = now_s, counted

    def _find_reference(self, version: str, output_id: str) -> Profile | None:
        if version not in self._references:
            try:
                self._references[version] = self._read_profile(output_id)
            except Exception as error:  # no reason to stop predicting; it is asked again
                log.warning("the profile of version %s cannot be read: %s", version, type(error).__name__)
                return None
            if self._references[version] is None:
                log.warning("version %s has no profile in the store, so its drift is not told", version)
        return self._references[version]
