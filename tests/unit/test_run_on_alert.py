"""A command on an alert: started once by the right one with the right token, and by nothing else."""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
import urllib3

from examples.run_on_alert import Command, create_server

FIRING = {"alerts": [{"status": "firing", "labels": {"alertname": "MalgilDrift"}}]}
RESOLVED = {"alerts": [{"status": "resolved", "labels": {"alertname": "MalgilDrift"}}]}
OTHER = {"alerts": [{"status": "firing", "labels": {"alertname": "MalgilLagGrows"}}]}


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A server whose command leaves a file."""
    command = Command([sys.executable, "-c", f"open({str(tmp_path / 'ran')!r}, 'a').write('.')"], pause_s=3600)
    server = create_server(0, token="right", alert="MalgilDrift", command=command)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def post(url: str, value: object, *, token: str = "right") -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return urllib3.request("POST", url, body=json.dumps(value), headers=headers).status


def test_only_the_alert_with_the_token_starts_it_and_only_once(url: str, tmp_path: Path) -> None:
    assert [post(url, RESOLVED), post(url, OTHER), post(url, FIRING, token="wrong")] == [200, 200, 401]
    assert [post(url, FIRING), post(url, FIRING)] == [202, 200]
    deadline = time.monotonic() + 60
    while not (tmp_path / "ran").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert (tmp_path / "ran").read_text() in ("", ".")
