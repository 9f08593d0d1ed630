"""What people do to models by hand, each with its record in the audit and its event for others."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from functools import partial
from typing import Any

from pipelines.errors import MalgilError
from pipelines.events import EventKind
from pipelines.io.audit import AuditRecord, do_audited
from pipelines.io.model_slots import read_slots, roll_back, stage, swap_slots
from pipelines.io.registered_models import RegisteredModels
from pipelines.io.registry import promote, resolve
from pipelines.io.run_events import RunEvents
from pipelines.io.store import Store
from pipelines.io.tracking import Tracking


@dataclass(frozen=True)
class _Action:
    kind: EventKind  # what others are told
    find: Callable[[Tracking, str, str], str | None]  # the version that it is about, of a model and what was chosen
    act: Callable[[Tracking, str, str], Mapping[str, Any]]


@dataclass(frozen=True)
class ModelActions:
    """The actions, for one console."""

    models: RegisteredModels
    store: Store
    events: RunEvents

    def do(self, name: str, action: str, version: str, *, who: str, address: str) -> AuditRecord:
        """Do it, and return its record, which says how it ended.

        Raises MalgilError where there is no such action or model, or where the store takes no record: nothing is done.
        """
        if action not in _ACTIONS or name not in self.models.names:
            known = ", ".join(_ACTIONS)
            raise MalgilError(f"expected one of {known} of a model of the settings, received {action!r} of {name!r}")
        of = {"model": name, **({"version": version} if version else {})}
        act = partial(self._act, _ACTIONS[action], name, version)
        return do_audited(self.store, act, who=who, address=address, what=action, of=of)

    def _act(self, action: _Action, name: str, version: str, record: AuditRecord) -> Mapping[str, Any]:
        reason = f"{record.who} did so on the console"
        with self.models.asking() as tracking:
            about = action.find(tracking, name, version)
            with self.events.telling(action.kind, model=name, version=about, reason=reason, occasion=record.id):
                return action.act(tracking, name, version)


def _find_version(tracking: Tracking, name: str, version: str) -> str:
    return str(resolve(tracking, name, version).version)


def _promote(tracking: Tracking, name: str, version: str) -> Mapping[str, Any]:
    promote(tracking, name, version)
    return {"production": version}


_ACTIONS = {
    "promote": _Action(EventKind.PROMOTED, _find_version, _promote),
    "stage": _Action(
        EventKind.STAGED, _find_version, lambda tracking, name, version: asdict(stage(tracking, name, version))
    ),
    "swap_slots": _Action(
        EventKind.PROMOTED,
        lambda tracking, name, _: read_slots(tracking, name).staging,
        lambda tracking, name, _: asdict(swap_slots(tracking, name)),
    ),
    "roll_back": _Action(
        EventKind.ROLLED_BACK,
        lambda tracking, name, _: read_slots(tracking, name).production,
        lambda tracking, name, _: asdict(roll_back(tracking, name, datetime.now(timezone.utc))),
    ),
}
