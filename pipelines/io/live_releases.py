"""The releases of all models that live predictions come from: the intent's, and those of their further parts."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from pipelines.io.model_releases import remove_other_models
from pipelines.io.slot_releases import OnRefusal, SlotReleases, ignore_refusal
from pipelines.io.store import Store
from pipelines.io.tracking import Tracking
from pipelines.live_models import REPLY, SLOTS, label_part
from pipelines.polling import polling

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LiveNames:
    """The registered names of the models that predict live."""

    intent: str
    reply: str | None = None  # None: no replies are suggested
    labels: Mapping[str, str] = field(default_factory=dict)  # by task
    found_slots: str | None = None  # None: no slots are found in messages

    @property
    def further(self) -> dict[str, str]:
        """The names by part of the prediction, of those that may be empty."""
        labels = {label_part(task): name for task, name in sorted(self.labels.items())}
        parts = {REPLY: self.reply, SLOTS: self.found_slots}
        return {**{part: name for part, name in parts.items() if name}, **labels}


class LiveReleases:
    """The releases of all slots. `folder` is where workers find them.

    Raises MalgilError where the intent model has no champion, or no version that can be used.
    """

    def __init__(
        self,
        tracking: Tracking,
        store: Store,
        names: LiveNames,
        *,
        with_staging: bool = False,
        on_refusal: OnRefusal = ignore_refusal,
    ) -> None:
        self._store = store
        follow = partial(SlotReleases, tracking, store, on_refusal=on_refusal)
        self._intent = follow(names.intent, with_staging=with_staging)
        self._further = {part: follow(name, part=part) for part, name in names.further.items()}
        self.folder = self._intent.folder
        self._remove_others()

    @property
    def slots(self) -> dict[str, str | None]:
        """The version in each slot of the intent, and of each further part that has one."""
        intent = self._intent.current
        further = {part: releases.current.production for part, releases in self._further.items()}
        return {
            "production": intent.production.version if intent.production else None,
            "staging": intent.staging.version if intent.staging else None,
            **{part: model.version for part, model in further.items() if model},
        }

    @property
    def output_ids(self) -> dict[str, str]:
        """Where the store has the files of the intent versions in the slots, by version."""
        intent = self._intent.current
        return {model.version: model.output_id for model in (intent.production, intent.staging) if model}

    @property
    def refused(self) -> dict[str, str]:
        """Versions that never predicted, with the reason: of intents by version, of others by NAME/VERSION."""
        further = {
            f"{releases.name}/{version}": reason
            for releases in self._further.values()
            for version, reason in releases.refused.copy().items()
        }
        return {**self._intent.refused, **further}

    def look(self) -> None:
        """Release what is new of each model. What does not answer now is logged, and asked again the next time."""
        for releases in self._all:
            _look_patiently(releases, self._remove_others)

    @property
    def _all(self) -> list[SlotReleases]:
        return [self._intent, *self._further.values()]

    def _remove_others(self) -> None:
        remove_other_models(self._store, [releases.current for releases in self._all])


@contextmanager
def releasing(
    tracking: Tracking,
    store: Store,
    names: LiveNames,
    *,
    look_every_s: float,
    with_staging: bool,
    on_refusal: OnRefusal = ignore_refusal,
) -> Iterator[LiveReleases]:
    """The champions and, `with_staging`, the staged intent version, released; inside, the next ones in `look_every_s`.

    Raises MalgilError as LiveReleases. Later on, a registry or a store that does not answer is only logged: what was
    released goes on predicting.
    """
    releases = LiveReleases(tracking, store, names, with_staging=with_staging, on_refusal=on_refusal)
    with polling(releases.look, every_s=look_every_s, name="live-releases"):
        yield releases


def _look_patiently(releases: SlotReleases, after_change: Callable[[], None]) -> None:
    try:
        if releases.look():
            after_change()
    except Exception as error:  # whatever does not answer now may answer the next time
        log.warning("%s: no look for a new version: %s", releases.name, type(error).__name__)
