"""What people do to runs by hand: begin one by its spec, end one, do one again; each with its record in the audit."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.errors import MalgilError
from pipelines.io.audit import AuditRecord, do_audited
from pipelines.io.run_records import RunRecord, find_run
from pipelines.io.store import Store


@dataclass(frozen=True)
class RunControl:
    """How runs are begun and ended, which is the jobs' to know. Both raise MalgilError where that is refused."""

    specs: Sequence[str]  # names of job specs
    start: Callable[[str, str], str]  # "run" and a spec, or "retry" and a run's id; gives the new run's id
    cancel: Callable[[str], RunRecord]  # a run's id


@dataclass(frozen=True)
class RunActions:
    """The actions, for one console."""

    control: RunControl
    store: Store

    def do(self, action: str, of: str, *, who: str, address: str) -> AuditRecord:
        """Do it, and return its record, which says how it ended; `of` is the spec or the run's id.

        Raises MalgilError where there is no such action, or where the store takes no record: nothing is done.
        """
        acts = {"run": self._run, "retry": self._retry, "cancel": self._cancel}
        if action not in acts:
            raise MalgilError(f"expected one of {', '.join(acts)}, received {action!r}")
        act = acts[action]
        named = {"spec" if action == "run" else "run_id": of}
        return do_audited(self.store, lambda _: act(of), who=who, address=address, what=action, of=named)

    def _run(self, spec: str) -> Mapping[str, Any]:
        if spec not in self.control.specs:  # a path would be one as well
            raise MalgilError(f"expected a job spec of {', '.join(self.control.specs)}, received {spec!r}")
        return {"run_id": self.control.start("run", spec)}

    def _retry(self, run_id: str) -> Mapping[str, Any]:
        return {"run_id": self.control.start("retry", find_run(self.store, run_id).run_id)}

    def _cancel(self, run_id: str) -> Mapping[str, Any]:
        return {"status": self.control.cancel(run_id).status}
