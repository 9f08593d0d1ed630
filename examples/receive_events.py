"""Receive malgil's events by webhook with Python alone: each once, and none that somebody else sent or sends again.

MALGIL_WEBHOOK_SECRET=… python examples/receive_events.py --port 8090

Then give jobs `events.webhook_url=http://127.0.0.1:8090`, and the same secret in their environment.
"""

import argparse
import hashlib
import hmac
import json
import os
import time
from collections import OrderedDict
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

MAX_AGE_S = 300  # of a request; it also allows for clocks that differ
REMEMBERED = 100_000  # ids of events


class Headers(Protocol):
    """Those of a request."""

    def get(self, name: str, default: str, /) -> str: ...


def is_genuine(headers: Headers, body: bytes, *, secret: str, now: float) -> bool:
    """Whether who holds the secret has sent this body, and has sent it just now."""
    timestamp = headers.get("Malgil-Timestamp", "")
    if not timestamp.isdecimal() or abs(now - int(timestamp)) > MAX_AGE_S:
        return False
    expected = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(f"sha256={expected}", headers.get("Malgil-Signature", ""))


class EventHandler(BaseHTTPRequestHandler):
    """Answers 204 to an event, also to one that came before, and 401 to what is not genuine."""

    secret: str
    handle_event: Callable[[dict[str, Any]], None]
    seen: "OrderedDict[str, None]"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not is_genuine(self.headers, body, secret=self.secret, now=time.time()):
            return self._answer(401)
        event = json.loads(body)
        if event["id"] not in self.seen:
            self.handle_event(event)
            self.seen[event["id"]] = None
            if len(self.seen) > REMEMBERED:
                self.seen.popitem(last=False)
        return self._answer(204)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the events are what is shown."""

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.end_headers()


def create_server(port: int, secret: str, handle_event: Callable[[dict[str, Any]], None]) -> ThreadingHTTPServer:
    """A server on this machine that calls `handle_event` for each event; with port 0 on a free one."""
    parts = {"secret": secret, "handle_event": staticmethod(handle_event), "seen": OrderedDict()}
    return ThreadingHTTPServer(("127.0.0.1", port), type("Handler", (EventHandler,), parts))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=8090)
    port = parser.parse_args().port
    create_server(port, os.environ["MALGIL_WEBHOOK_SECRET"], lambda event: print(event, flush=True)).serve_forever()


if __name__ == "__main__":
    main()
