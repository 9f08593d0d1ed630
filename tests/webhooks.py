"""A webhook receiver for tests: the example's, on a free port, which fails as often as a test wants."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

from examples.receive_events import create_server

SECRET = "a secret for tests"


class Receiver:
    """What came, and what failed before."""

    def __init__(self) -> None:
        self.url = ""
        self.events: list[dict[str, Any]] = []
        self.failures = 0
        self.left_to_fail = 0

    def kinds(self) -> list[str]:
        return [event["kind"] for event in self.events]

    def wait(self, count: int, *, within_s: float = 60) -> None:
        """Until so many events are there."""
        deadline = time.monotonic() + within_s
        while len(self.events) < count:
            assert time.monotonic() < deadline, f"only {self.kinds()} came"
            time.sleep(0.02)


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver that runs as long as the block."""
    receiver = Receiver()
    server = create_server(0, SECRET, receiver.events.append)
    plain = server.RequestHandlerClass

    class Failing(plain):  # type: ignore[valid-type, misc]
        def do_POST(self) -> None:  # noqa: N802 - the standard library's name
            if receiver.left_to_fail:
                receiver.left_to_fail -= 1
                receiver.failures += 1
                self.rfile.read(int(self.headers["Content-Length"]))
                self._answer(503)
            else:
                super().do_POST()

    server.RequestHandlerClass = Failing
    receiver.url = f"http://127.0.0.1:{server.server_port}/events"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
