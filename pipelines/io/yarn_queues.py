"""YARN's queues and what runs in them, by the ResourceManager's web service."""

import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from xml.etree import ElementTree

from pipelines.errors import MalgilError

_WEB_ADDRESS = "yarn.resourcemanager.webapp.address"


@dataclass(frozen=True)
class Queue:
    """One queue that applications go to."""

    name: str
    state: str
    used_share: float  # of the cluster, 0 to 1
    share: float  # of the cluster that it is given
    applications: int


@dataclass(frozen=True)
class Application:
    """One that runs or waits."""

    id: str
    name: str
    queue: str
    state: str
    user: str
    share: float  # of its work that is done, 0 to 1
    memory_mib: int
    cores: int


@dataclass(frozen=True)
class Cluster:
    """What it does now."""

    queues: list[Queue]  # without those that only hold others
    applications: list[Application]  # that run or wait, the newest first


def find_resource_manager(setting: str) -> str | None:
    """Its URL, by the setting, else by HADOOP_CONF_DIR; None where neither names one."""
    if setting:
        return setting.rstrip("/")
    site = Path(os.environ.get("HADOOP_CONF_DIR", "")) / "yarn-site.xml"
    if "HADOOP_CONF_DIR" not in os.environ or not site.exists():
        return None
    values = {item.findtext("name"): item.findtext("value") for item in ElementTree.parse(site).iter("property")}
    address = values.get(_WEB_ADDRESS)
    return f"http://{address}" if address else None


def read_cluster(url: str, *, timeout_s: float) -> Cluster:
    """Raises MalgilError where the ResourceManager does not answer."""
    scheduler = _ask(f"{url}/ws/v1/cluster/scheduler", timeout_s)["scheduler"]["schedulerInfo"]
    answer = _ask(f"{url}/ws/v1/cluster/apps?states=NEW,SUBMITTED,ACCEPTED,RUNNING", timeout_s)
    found = sorted((answer.get("apps") or {}).get("app", ()), key=lambda one: -one["startedTime"])
    return Cluster([_describe_queue(one) for one in _leaves(scheduler)], [_describe_application(one) for one in found])


def _describe_queue(queue: Mapping[str, Any]) -> Queue:
    return Queue(
        name=queue["queueName"], state=queue.get("state", ""), used_share=queue["absoluteUsedCapacity"] / 100,
        share=queue["absoluteCapacity"] / 100, applications=queue.get("numApplications", 0),
    )  # fmt: skip


def _describe_application(one: Mapping[str, Any]) -> Application:
    return Application(
        id=one["id"], name=one["name"], queue=one["queue"], state=one["state"], user=one["user"],
        share=one["progress"] / 100, memory_mib=max(0, one["allocatedMB"]), cores=max(0, one["allocatedVCores"]),
    )  # fmt: skip


def _leaves(queue: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    inner = (queue.get("queues") or {}).get("queue", ())
    if not inner:
        yield queue
    for one in inner:
        yield from _leaves(one)


def _ask(url: str, timeout_s: float) -> dict[str, Any]:
    request = urllib.request.Request(url, headers={"Accept": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as answer:
            return cast(dict[str, Any], json.load(answer))
    except (OSError, urllib.error.URLError, ValueError) as error:
        raise MalgilError(
            f"console.resource_manager: expected YARN's ResourceManager at {url}, received {type(error).__name__}; "
            "start it or set another"
        ) from error
