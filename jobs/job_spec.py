"""A job spec: which job with which settings, where, in which queue, and what becomes of it when it fails or lasts."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigKeyError, OmegaConfBaseException
from yaml import YAMLError

from jobs.submission import JOBS
from pipelines.errors import MalgilError
from pipelines.setting_names import hint_at, setting_names
from pipelines.settings import CONF

SPECS = CONF / "jobs"
_QUEUE = re.compile(r"[\w.-]*")  # a file is named after it


@dataclass(frozen=True)
class JobSpec:
    """A file of conf/jobs; conf/jobs/nightly.yaml says what each key is for."""

    job: str = ""
    conf: str = "local"
    settings: dict[str, Any] = field(default_factory=dict)
    queue: str = ""
    priority: int = 0
    retries: int = 0
    backoff_s: float = 60.0
    time_limit_s: float = 0.0
    notify: list[str] = field(default_factory=list)

    @property
    def arguments(self) -> tuple[str, ...]:
        """The settings as the command line takes them."""
        return tuple(_flatten(self.settings))


def load_spec(name: str, *, folder: Path = SPECS) -> JobSpec:
    """The spec of conf/jobs/<name>.yaml, or of a YAML file. Raises MalgilError for what it does not understand."""
    path = Path(name) if name.endswith((".yaml", ".yml")) else folder / f"{name}.yaml"
    if not path.exists():
        known = ", ".join(list_specs(folder=folder))
        raise MalgilError(f"job spec {name!r}: expected one of {known}, or a YAML file, found nothing at {path}")
    try:
        spec = _read(path)
    except ConfigKeyError as error:
        hint = hint_at(str(error.full_key), setting_names(JobSpec))
        raise MalgilError(f"{path}: there is no key {error.full_key}; {hint}") from error
    except OmegaConfBaseException as error:
        raise MalgilError(f"{path}: {error.full_key}: {str(error.msg).splitlines()[0]}") from error
    except YAMLError as error:
        raise MalgilError(f"{path}: expected YAML, received: {' '.join(str(error).split())}") from error
    _check(path, spec)
    return spec


def list_specs(*, folder: Path = SPECS) -> list[str]:
    """The names of the specs in conf/jobs."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def _read(path: Path) -> JobSpec:
    schema = OmegaConf.structured(JobSpec)
    OmegaConf.set_readonly(schema, False)  # a frozen dataclass makes it so, and merging needs it open
    return cast(JobSpec, OmegaConf.to_object(cast(DictConfig, OmegaConf.merge(schema, OmegaConf.load(path)))))


def _check(path: Path, spec: JobSpec) -> None:
    jobs = sorted(file.stem for file in JOBS.glob("*.py") if "\nSECTIONS = " in file.read_text(encoding="utf8"))
    confs = sorted(file.stem for file in (CONF / "spark").glob("*.conf"))
    numbers = {"retries": spec.retries, "backoff_s": spec.backoff_s, "time_limit_s": spec.time_limit_s}
    faults = {
        f"job: expected one of {', '.join(jobs)}, received {spec.job!r}": spec.job not in jobs,
        f"conf: expected {' or '.join(confs)}, received {spec.conf!r}": spec.conf not in confs,
        f"queue: expected letters, digits, dot, dash and _, received {spec.queue!r}": not _QUEUE.fullmatch(spec.queue),
        **{f"{key}: expected 0 or more, received {value}": value < 0 for key, value in numbers.items()},
    }
    for fault, is_there in faults.items():
        if is_there:
            raise MalgilError(f"{path}: {fault}")


def _flatten(settings: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """`section.key=value` of each; a mapping whose keys have dots (labels, say) stays one value."""
    for key, value in settings.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and (name == "spark" or not any("." in str(inner) for inner in value)):
            yield from _flatten(value, "" if name == "spark" else f"{name}.")
        else:
            yield f"{name}={value if isinstance(value, str) and name.startswith('spark.') else _tell(value)}"


def _tell(value: Any) -> str:
    """As YAML reads it back: JSON is YAML."""
    return json.dumps(value, ensure_ascii=False)
