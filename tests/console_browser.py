"""A console's app on a socket, and as much of a browser as asks it."""

import http.client
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from urllib.parse import urlencode, urlsplit

from starlette.types import ASGIApp

from pipelines.io.http_server import open_socket, run_server


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: str


@dataclass
class Browser:
    """As much of one as is needed: it keeps its cookies."""

    url: str
    cookies: dict[str, str]

    def ask(self, method: str, path: str, fields: dict[str, str] | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent = {
            "Accept": "text/html",
            "Cookie": cookie,
            **({"Origin": self.url} if method == "POST" else {}),
            **headers,
        }
        try:
            connection.request(method, path, urlencode(fields or {}), sent)
            answer = connection.getresponse()
            for line in answer.headers.get_all("Set-Cookie") or []:
                self.cookies |= dict([line.split(";")[0].split("=", 1)])
            return Answer(answer.status, dict(answer.headers), answer.read().decode())
        finally:
            connection.close()

    def form_token(self, path: str = "/login") -> str:
        found = re.search('name="form_token" value="([0-9a-f]+)"', self.ask("GET", path).body)
        assert found
        return found[1]

    def sign_in(self, token: str) -> Answer:
        fields = {"form_token": self.form_token(), "name": "김", "token": token}
        return self.ask("POST", "/login", fields)


@contextmanager
def browsing(app: ASGIApp) -> Iterator[Browser]:
    """A browser at the app, which is served as long as the block lasts."""
    urls, is_begun, is_over = list[str](), Event(), Event()

    def begin(url: str) -> None:
        urls.append(url)
        is_begun.set()

    with open_socket("127.0.0.1", 0) as opened:
        options = {"stop_timeout_s": 1, "begin": begin, "is_over": is_over.is_set}
        server = Thread(target=run_server, args=(app, opened), kwargs=options)
        server.start()
        assert is_begun.wait(30)
        try:
            yield Browser(urls[0], {})
        finally:
            is_over.set()
            server.join()
