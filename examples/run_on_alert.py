"""Run a command when Alertmanager tells of an alert, such as a retraining when MalgilDrift fires.

MALGIL_ALERT_TOKEN=… python examples/run_on_alert.py --alert MalgilDrift -- ./spark-submit.sh jobs run nightly

Alertmanager's receiver for it (alertmanager.yml), with the same token in the file that it names:

    receivers:
      - name: retraining
        webhook_configs:
          - url: http://127.0.0.1:8091
            send_resolved: false
            http_config: {authorization: {credentials_file: /etc/alertmanager/malgil-token}}

The command runs once at a time, and not again before `--pause-h`: Alertmanager repeats what goes on, and a drift is
over only when a model that learned of it predicts.
"""

import argparse
import hmac
import json
import os
import subprocess
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer


class Command:
    """A command that runs once at a time, at most every so often."""

    def __init__(self, arguments: Sequence[str], *, pause_s: float) -> None:
        self._arguments, self._pause_s = arguments, pause_s
        self._process: subprocess.Popen[bytes] | None = None
        self._started_s = -float("inf")

    def start(self) -> bool:
        """Whether it was started."""
        is_running = self._process is not None and self._process.poll() is None
        if is_running or time.monotonic() - self._started_s < self._pause_s:
            return False
        self._process, self._started_s = subprocess.Popen(self._arguments), time.monotonic()
        return True


class AlertHandler(BaseHTTPRequestHandler):
    """Answers 202 where the command was started, 200 where nothing is to be done, 401 to a wrong token."""

    token: str
    alert: str
    to_run: Command

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not hmac.compare_digest(self.headers.get("Authorization", ""), f"Bearer {self.token}"):
            return self._answer(401)
        alerts = json.loads(body)["alerts"]
        firing = {alert["labels"]["alertname"] for alert in alerts if alert["status"] == "firing"}
        return self._answer(202 if self.alert in firing and self.to_run.start() else 200)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.end_headers()


def create_server(port: int, *, token: str, alert: str, command: Command) -> HTTPServer:
    """A server on this machine; with port 0 on a free one."""
    parts = {"token": token, "alert": alert, "to_run": command}
    return HTTPServer(("127.0.0.1", port), type("Handler", (AlertHandler,), parts))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=8091)
    parser.add_argument("--alert", default="MalgilDrift")
    parser.add_argument("--pause-h", type=float, default=20.0)
    parser.add_argument("command", nargs="+")
    given = parser.parse_args()
    command, token = Command(given.command, pause_s=given.pause_h * 3600), os.environ["MALGIL_ALERT_TOKEN"]
    create_server(given.port, token=token, alert=given.alert, command=command).serve_forever()


if __name__ == "__main__":
    main()
