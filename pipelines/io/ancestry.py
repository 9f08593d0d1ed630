"""Where an output of the store came from: the run that made it, and what it was made from, back to the raw messages."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipelines.io.run_records import RunRecord, read_record
from pipelines.io.store import Store

Place = tuple[str, str]  # an output's kind and id

_FACT_CHARS = 500  # longer ones are lists of intents and the like
_FOLLOWED = 20  # inputs of a kind: a training set may have thousands of filed micro-batches of feedback


@dataclass(frozen=True)
class Ancestor:
    """An output, and those that it was made from."""

    kind: str  # clean, snapshots, feedback, versions, …
    id: str
    is_known: bool  # whether it stands in the store
    facts: Mapping[str, Any]  # of its manifest
    run: RunRecord | None  # None where it was made before runs left records
    inputs: Mapping[str, Any]  # that it was made from, and that are no outputs of the store
    ancestors: tuple["Ancestor", ...]

    def describe(self) -> dict[str, Any]:
        """As JSON holds it, with the others by their names."""
        return {
            "output": f"{self.kind}/{self.id}", "is_known": self.is_known, "run": self.run.run_id if self.run else None,
            "made_from": [f"{one.kind}/{one.id}" for one in self.ancestors], "inputs": dict(self.inputs),
            "facts": dict(self.facts),
        }  # fmt: skip

    def walk(self) -> Iterator["Ancestor"]:
        """Itself and all before it, each once."""
        seen: set[Place] = set()
        waiting = [self]
        while waiting:
            ancestor = waiting.pop(0)
            if (ancestor.kind, ancestor.id) not in seen:
                seen.add((ancestor.kind, ancestor.id))
                waiting.extend(ancestor.ancestors)
                yield ancestor


def find_ancestry(store: Store, kind: str, output_id: str) -> Ancestor:
    """What the outputs' origins tell, all the way back; each output is read once, however many ways lead to it.

    `made_from` names outputs by their kind, one or a list of them, of which the last 20 are followed.
    """
    begun: dict[Place, _Noted] = {}
    known: dict[Place, Ancestor] = {}
    waiting = [(kind, output_id)]
    while waiting:  # no recursion: a model may have been fine-tuned each day for years
        place = waiting[-1]
        if place not in begun:
            begun[place] = _read_notes(store, place)
            waiting.extend(one for one in begun[place].made_from if one not in begun)
        else:
            known.setdefault(place, begun[place].join(known))
            waiting.pop()
    return known[kind, output_id]


@dataclass(frozen=True)
class _Noted:
    """An output as its files tell of it."""

    ancestor: Ancestor  # without those before it
    made_from: Sequence[Place]

    def join(self, known: Mapping[Place, Ancestor]) -> Ancestor:
        return replace(self.ancestor, ancestors=tuple(known[one] for one in self.made_from if one in known))


def _read_notes(store: Store, place: Place) -> _Noted:
    manifest, origin = store.manifest(*place), store.origin(*place)
    inputs, maker = origin.get("made_from", {}), origin.get("made_by")
    outputs = list_inputs(store, origin)
    more = {f"more {name}": len(ids) - _FOLLOWED for name, ids in outputs.items() if len(ids) > _FOLLOWED}
    ancestor = Ancestor(
        *place,
        is_known=manifest is not None,
        facts={key: value for key, value in (manifest or {}).items() if _is_short(value)},
        run=read_record(store, maker["job"], maker["run_id"]) if maker else None,
        inputs={**{name: value for name, value in inputs.items() if name not in outputs and value != []}, **more},
        ancestors=(),
    )
    return _Noted(ancestor, [(name, one) for name, ids in outputs.items() for one in ids[-_FOLLOWED:]])


def list_inputs(store: Store, origin: Mapping[str, Any]) -> dict[str, list[str]]:
    """The outputs of the store that an origin names, by kind, all of them."""
    named = origin.get("made_from", {})
    return {kind: _listed(ids) for kind, ids in named.items() if _is_kind(store, kind)}


def _is_kind(store: Store, name: str) -> bool:
    return store.exists(f"{store.root}/{name}")


def _listed(ids: Any) -> list[str]:
    return [ids] if isinstance(ids, str) else list(ids)


def _is_short(value: Any) -> bool:
    return len(json.dumps(value, ensure_ascii=False, default=str)) <= _FACT_CHARS
