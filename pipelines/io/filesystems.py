"""The file systems that settings name: before a job uses one, it has answered."""

import re
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NoAnswer
from threading import Thread

import fsspec

from models.files import locate
from pipelines.errors import MalgilError

ANSWER_TIMEOUT_S = 20.0
_AT_FIRST = {"dfs.client.failover.max.attempts": "2"}  # later, calls ask for 3 minutes: a NameNode may be restarted
_RPC_ERROR = re.compile(r'RPCError\("[^"]*", "(.*?)(?:\\n|"\))', re.DOTALL)  # how hdfs-native shows a NameNode's "no"

Opened = tuple[fsspec.AbstractFileSystem, str]


def open_filesystem(url: str, *, timeout_s: float = ANSWER_TIMEOUT_S) -> Opened:
    """The file system of a URL or a local path, which has just answered, and the path on it.

    Raises MalgilError when it does not answer in time: hdfs-native itself waits minutes for a NameNode that hangs, or
    for a machine that is gone.
    """
    opened: Future[Opened] = Future()
    Thread(target=_open, args=(url, opened), daemon=True).start()
    try:
        return opened.result(timeout_s)
    except (NoAnswer, OSError, RuntimeError, ValueError, ImportError) as error:
        fault = describe_fault(error) or f"nothing within {timeout_s:g} s"
        raise MalgilError(
            f"{url}: expected a file system that answers, received: {fault}; see that it runs, and name it as "
            "hdfs://host:port/… or set HADOOP_CONF_DIR to its configuration"
        ) from error


def describe_fault(error: Exception) -> str:
    """A file system's error as one line, without the NameNode's stack trace."""
    found = _RPC_ERROR.search(str(error))
    return found[1].replace('\\"', '"') if found else str(error).partition("\n")[0]


def _open(url: str, opened: Future[Opened]) -> None:
    try:
        opened.set_result(_ask(url))
    except Exception as error:  # raised again where the result is awaited
        opened.set_exception(error)


def _ask(url: str) -> Opened:
    asked, _ = locate(url, **_AT_FIRST) if url.startswith("hdfs:") else locate(url)
    asked.exists(asked.root_marker)
    return locate(url)
