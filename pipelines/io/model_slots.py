"""The registry's two slots of a model: production, the champion, and staging, which a share of the rooms may see.

A slot is an alias, so that a reader finds the version before or the one after. What is killed between two aliases
leaves a champion that works, and can be run again.
"""

from dataclasses import dataclass
from datetime import datetime

from pipelines.errors import MalgilError
from pipelines.io.registry import PREVIOUS, ROLLED_BACK, champion, find_aliases, promote, resolve, tag_version
from pipelines.io.tracking import Tracking

STAGING = "staging"


@dataclass(frozen=True)
class SlotsConfig:
    """What is put into a slot by hand."""

    version: str = "challenger"  # of stage_model: a version or an alias; empty takes out what is staged


@dataclass(frozen=True)
class Slots:
    """Versions."""

    production: str
    staging: str | None


def read_slots(tracking: Tracking, name: str) -> Slots:
    """What the slots hold. Raises MalgilError before the first promotion."""
    production = champion(tracking, name)
    if production is None:
        raise MalgilError(f"{name}: expected a champion in the registry, found none; train and promote one")
    return Slots(production, staged(tracking, name))


def staged(tracking: Tracking, name: str) -> str | None:
    """The version in staging; None where there is none."""
    return find_aliases(tracking, name).get(STAGING)


def stage(tracking: Tracking, name: str, alias_or_version: str) -> Slots:
    """Put a version into staging, or none where it is empty. Raises UnknownModelError where the registry has none."""
    slots = read_slots(tracking, name)
    if not alias_or_version:
        tracking.client.delete_registered_model_alias(name, STAGING)
        return Slots(slots.production, None)
    version = str(resolve(tracking, name, alias_or_version).version)
    tracking.client.set_registered_model_alias(name, STAGING, version)
    return Slots(slots.production, version)


def swap_slots(tracking: Tracking, name: str) -> Slots:
    """Make the staged version the champion, and stage the champion. Raises MalgilError without two versions."""
    slots = read_slots(tracking, name)
    if slots.staging in (None, slots.production):
        found = "nothing" if slots.staging is None else f"version {slots.staging} in both slots"
        raise MalgilError(f"{name}: expected another version in staging than in production, found {found}; "
                          "put one there with stage_model")  # fmt: skip
    promote(tracking, name, str(slots.staging))
    return stage(tracking, name, slots.production)


def roll_back(tracking: Tracking, name: str, now: datetime) -> Slots:
    """Make the champion before the champion again; the one that goes is never promoted by itself again.

    Twice, it brings back the one that went. Raises MalgilError where there was none before.
    """
    slots, before = read_slots(tracking, name), find_aliases(tracking, name).get(PREVIOUS)
    if before in (None, slots.production):
        raise MalgilError(f"{name}: expected a champion before version {slots.production}, found none")
    tag_version(tracking, name, slots.production, {ROLLED_BACK: now.isoformat(timespec="seconds")})
    promote(tracking, name, str(before))
    return Slots(str(before), slots.staging)
