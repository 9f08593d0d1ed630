"""The HTTP server: uvicorn on one socket, until a stop is asked for."""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.errors import MalgilError

if TYPE_CHECKING:  # imported where they are used: every job reads the settings of this file
    from starlette.types import ASGIApp

_BACKLOG = 2048
_KEEP_ALIVE_S = 75  # longer than load balancers keep an idle connection, so that they close it and not we


@dataclass(frozen=True)
class ServeConfig:
    """How predictions are served by HTTP."""

    host: str = "127.0.0.1"  # the address that it listens on; 0.0.0.0 for all of this machine
    port: int = 8080  # 0: any that is free
    folder: str = "var/serve"  # what servers know of released models, one folder a port in it
    batch_rows: int = 64  # requests predicted together at most
    max_waiting: int = 1_000  # requests that wait for a batch at most; further ones are answered with 503
    wait_ms: float = 0.0  # milliseconds that a first request waits for others; 0: it takes those that are there
    threads: int = 1  # of TensorFlow
    stop_timeout_s: int = 10  # for the requests in flight when it is stopped


def open_socket(host: str, port: int, *, section: str = "serve") -> socket.socket:
    """The address, taken; nobody can connect yet. Raises MalgilError where the address cannot be taken.

    `section` of the settings says which address.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind((host, port))
    except OSError as error:
        opened.close()
        raise MalgilError(
            f"{section}.port: expected to listen on {host}:{port}, received: {error.strerror}; end what "
            "listens there, or set another port or host"
        ) from error
    return opened


def run_server(
    app: "ASGIApp", opened: socket.socket, *, stop_timeout_s: int, begin: Callable[[str], None],
    is_over: Callable[[], bool],
) -> None:  # fmt: skip
    """Serve until `is_over` (asked each second), SIGTERM or SIGINT; requests in flight are answered before the end.

    `begin` is called with the server's URL when clients can connect.
    """
    import uvicorn

    async def look() -> None:
        server.should_exit = server.should_exit or is_over()

    options = uvicorn.Config(
        app, loop="uvloop", http="httptools", ws="none", lifespan="off", log_config=None, access_log=False,
        proxy_headers=False, server_header=False, backlog=_BACKLOG, callback_notify=look, timeout_notify=0,
        timeout_graceful_shutdown=stop_timeout_s, timeout_keep_alive=_KEEP_ALIVE_S,
    )  # fmt: skip
    server = uvicorn.Server(options)
    opened.listen(_BACKLOG)
    host, port = opened.getsockname()[:2]
    begin(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")
    server.run(sockets=[opened])
