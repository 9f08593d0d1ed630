"""An application on YARN: found in spark-submit's log, explained, killed, its logs read.

YARN's own client is among Spark's jars, so neither a `yarn` command nor its web service is needed, and Kerberos and
standby ResourceManagers are its to handle.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from py4j.protocol import Py4JJavaError  # type: ignore[import-untyped]  # it has no types
from pyspark.java_gateway import launch_gateway

from pipelines.errors import MalgilError
from pipelines.io.faults import explain_fault
from pipelines.io.python_archive import NO_PYTHON

_ID = re.compile(r"Submitted application (application_\d+_\d+)")
_STARTED = re.compile(r"Application report for application_\d+_\d+ \(state: (?:RUNNING|FINISHED|FAILED|KILLED)\)")
_WAITING = re.compile(r"diagnostics: (?:\[[^]]*\] )?(?P<reason>.*?)\.? *(?:Details :.*)?$", re.MULTILINE)
_DIAGNOSTICS = re.compile(r"\(reason: (?P<driver>.*)\)|Application diagnostics message: (?P<yarn>.*)")
_REFUSED = re.compile(r'Exception in thread "main" [\w.$]*?(\w+): (.*)')


def find_application(log: Path) -> str:
    """The application's id in spark-submit's log; empty before YARN has taken it."""
    found = _ID.search(log.read_text(encoding="utf8", errors="replace"))
    return found[1] if found else ""


def has_started(log: Path) -> bool:
    """Whether spark-submit's log tells that the application's driver has started, or that it ended before."""
    return _STARTED.search(log.read_text(encoding="utf8", errors="replace")) is not None


def explain_waiting(log: Path) -> str:
    """What YARN said of an application that it had not started yet, behind a colon; empty where it said nothing."""
    found = _WAITING.search(log.read_text(encoding="utf8", errors="replace"))
    return f": {found['reason']}" if found and found["reason"] != "N/A" else ""


def explain_application(log: Path) -> str:
    """Why an application ended without a word of its own, in one line."""
    text = log.read_text(encoding="utf8", errors="replace")
    application, diagnostics, refused = find_application(log), _DIAGNOSTICS.search(text), _REFUSED.search(text)
    reason = text.strip().rpartition("\n")[2]
    if f"exited with status {NO_PYTHON}" in text:
        reason = "its node lacks the Python that the packages were built for"
    elif known := explain_fault(text):
        reason = known
    elif diagnostics:
        reason = (diagnostics["driver"] or diagnostics["yarn"]).strip()
    elif refused:
        reason = f"{refused[1]}: {refused[2]}"
    if not application:
        return f"YARN did not take the job: {reason}; see {log}"
    return f"{application} ended before the job could report: {reason}; see ./spark-submit.sh logs {application}"


def kill_application(application: str) -> None:
    """End the application. Raises MalgilError where YARN does not know it or does not let us."""
    with _hadoop() as jvm:
        client = jvm.org.apache.hadoop.yarn.client.api.YarnClient.createYarnClient()
        client.init(jvm.org.apache.hadoop.yarn.conf.YarnConfiguration())
        client.start()
        try:
            client.killApplication(_parse_id(jvm, application))
        except Py4JJavaError as error:
            reason = str(error.java_exception.getMessage()).partition("\n")[0]
            raise MalgilError(f"{application}: YARN did not end it: {reason}; see its id and whose it is") from error
        client.stop()


def print_logs(application: str) -> None:
    """Print what the application's containers wrote. Raises MalgilError where YARN has nothing of it."""
    with _hadoop() as jvm:
        logs = jvm.org.apache.hadoop.yarn.logaggregation
        request = logs.ContainerLogsRequest()
        request.setAppId(_parse_id(jvm, application))
        request.setAppOwner(jvm.org.apache.hadoop.security.UserGroupInformation.getCurrentUser().getShortUserName())
        request.setBytes(sys.maxsize)
        types = jvm.java.util.HashSet()
        for name in ("stdout", "stderr"):  # the others list the container's files and settings
            types.add(name)
        request.setLogTypes(types)
        reader = logs.LogCLIHelpers()
        reader.setConf(jvm.org.apache.hadoop.yarn.conf.YarnConfiguration())
        try:
            reader.dumpAllContainersLogs(request)
        except Py4JJavaError as error:
            raise MalgilError(
                f"{application}: expected logs that YARN has gathered, found none; see that the id is right and that "
                "the application has ended"
            ) from error


def is_secure() -> bool:
    """Whether HADOOP_CONF_DIR names a cluster with Kerberos."""
    site = Path(os.environ["HADOOP_CONF_DIR"]) / "core-site.xml"
    properties = ElementTree.parse(site).iter("property") if site.exists() else ()
    values = {item.findtext("name"): item.findtext("value") for item in properties}
    return (values.get("hadoop.security.authentication") or "").strip().lower() == "kerberos"


@contextmanager
def _hadoop() -> Iterator[Any]:
    """A JVM with YARN's own client."""
    quiet = {"stderr": subprocess.DEVNULL}  # its log; what goes wrong comes as an exception
    gateway = launch_gateway(popen_kwargs=quiet)  # type: ignore[no-untyped-call]  # PySpark has no type for it
    try:
        yield gateway.jvm
    finally:
        gateway.shutdown()
        gateway.proc.stdin.close()  # it ends with its input


def _parse_id(jvm: Any, application: str) -> Any:
    return jvm.org.apache.hadoop.yarn.api.records.ApplicationId.fromString(application)
