"""A file system that does not answer is one line, at once."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.errors import MalgilError
from pipelines.io.filesystems import describe_fault, open_filesystem


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        yield listening


def test_one_that_answers_is_opened(tmp_path: Path) -> None:
    filesystem, path = open_filesystem(tmp_path.as_uri())
    assert filesystem.exists(path)


def test_a_namenode_that_is_not_there_is_named(listener: socket.socket) -> None:
    address = f"127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(MalgilError, match=rf"^hdfs://{address}/x: expected .* received: Connection refused"):
        open_filesystem(f"hdfs://{address}/x")


def test_a_namenode_that_hangs_is_given_up(listener: socket.socket) -> None:
    listener.listen()
    with pytest.raises(MalgilError, match=r"received: nothing within 0.2 s; see that it runs"):
        open_filesystem(f"hdfs://127.0.0.1:{listener.getsockname()[1]}/x", timeout_s=0.2)


@pytest.mark.parametrize("url", ["hdfs:///x", "hdfs://cluster/x"])
def test_a_url_needs_an_authority_from_somewhere(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("HADOOP_CONF_DIR", "HADOOP_HOME"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(MalgilError, match=r"name it as hdfs://host:port/… or set HADOOP_CONF_DIR"):
        open_filesystem(url)


def test_a_protocol_that_nobody_knows_is_named() -> None:
    with pytest.raises(MalgilError, match=r"^hfds://host:8020/x: .* received: Protocol not known: hfds"):
        open_filesystem("hfds://host:8020/x")


def test_a_namenode_s_refusal_is_told_without_its_stack_trace() -> None:
    shown = (
        'RPCError("org.apache.hadoop.security.AccessControlException", '
        '"Permission denied: user=chat, access=WRITE, inode=\\"/\\":hdfs\\n\\tat org.apache.hadoop.hdfs.Server")'
    )
    assert describe_fault(RuntimeError(shown)) == 'Permission denied: user=chat, access=WRITE, inode="/":hdfs'
