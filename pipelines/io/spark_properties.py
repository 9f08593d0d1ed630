"""Spark's own properties: files as spark-submit reads them, and where each value comes from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from pipelines.errors import MalgilError

CONF = Path(__file__).resolve().parents[2] / "conf"


def merge_properties(
    conf: str, given: Mapping[str, str], *, is_stream: bool = False, folder: Path = CONF
) -> dict[str, str]:
    """conf/spark/<conf>.conf < `spark` in conf/base.yaml < `spark` in conf/<conf>.yaml < `given`.

    Of a stream, conf/spark/stream.properties comes behind the first.
    """
    layers = [yaml.safe_load((folder / f"{name}.yaml").read_text(encoding="utf8")) for name in ("base", conf)]
    properties = read_properties(folder / "spark" / f"{conf}.conf")
    if is_stream:
        properties |= read_properties(folder / "spark" / "stream.properties")
    for layer in layers:
        properties |= {key: _spell(key, value) for key, value in (layer.get("spark") or {}).items()}
    return {**properties, **given}


def read_properties(path: Path) -> dict[str, str]:
    """Keys and values of a spark-submit properties file."""
    lines = (line.strip() for line in path.read_text(encoding="utf8").splitlines())
    pairs = (line.partition(" ") for line in lines if line and not line.startswith("#"))
    return {key: value.strip() for key, _, value in pairs}


def write_properties(path: Path, properties: Mapping[str, str]) -> None:
    """Write what `read_properties` and spark-submit read."""
    path.write_text("".join(f"{key} {value}\n" for key, value in sorted(properties.items())), encoding="utf8")


def _spell(key: str, value: Any) -> str:
    if isinstance(value, dict):
        raise MalgilError(f"spark: expected whole names as in {{spark.executor.instances: 8}}, found {key} with parts")
    return str(value).lower() if isinstance(value, bool) else str(value)
