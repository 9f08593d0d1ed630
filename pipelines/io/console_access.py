"""Who may see and do what on the console: signing in, forms that only its own pages can send, headers for browsers.

Each request passes `Guard`. A browser has one cookie, which other sites' requests do not carry (SameSite=Strict). What
is posted must come from a page of this very address (Origin) and bring that page's form token, an HMAC of the cookie.
"""

import hmac
import re
import secrets
import time
from dataclasses import dataclass
from urllib.parse import parse_qsl

from fastapi import Request
from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipelines.console import ConsoleConfig, is_loopback
from pipelines.console_rendering import LANGUAGES
from pipelines.errors import MalgilError
from pipelines.io.run_records import find_user

LANGUAGE_COOKIE = "malgil_language"
_HOST = re.compile(r"(\[[0-9a-fA-F:]+\]|[^:\[\]]+)(?::\d+)?")
_SIGNED_IN_S = 12 * 3600
_MAX_FORM_BYTES = 65_536
_OPEN = ("/login", "/assets/")  # to who has not signed in
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # with no-referrer browsers send no Origin with a form
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class ForbiddenError(MalgilError):
    """A request that is not from one of the console's own pages."""


@dataclass(frozen=True)
class Visitor:
    """Whose browser a request came from."""

    cookie: str
    name: str | None  # as signed in; None where nobody needs to
    is_new: bool  # the cookie is to be set
    address: str


class Access:
    """Those who signed in, and the key of form tokens; both are this process's, and go with it."""

    def __init__(self, config: ConsoleConfig, token: str | None) -> None:
        self._token, self._cookie_name = token, f"malgil_console_{config.port}"
        self._is_local_only = is_loopback(config.host)
        self._key = secrets.token_bytes(32)
        self._sessions: dict[str, tuple[str, float]] = {}  # by cookie: the name, and when it ends

    @property
    def needs_token(self) -> bool:
        return bool(self._token)

    def find_visitor(self, request: Request) -> Visitor:
        cookie = request.cookies.get(self._cookie_name)
        name, ends_at = self._sessions.get(cookie or "", (None, 0.0))
        address = request.client.host if request.client else "?"
        name = name if ends_at > time.monotonic() else None
        return Visitor(cookie or secrets.token_urlsafe(32), name, cookie is None, address)

    def refuse(self, request: Request, visitor: Visitor) -> Response | None:
        """The answer to a request that goes no further; None to one that does."""
        host = _HOST.fullmatch(request.headers.get("host", ""))
        if self._is_local_only and not (
            host and is_loopback(host[1])
        ):  # another site's name that points here (DNS rebinding)
            return PlainTextResponse("expected the address 127.0.0.1 or localhost", 403)
        if request.method not in ("GET", "HEAD") and not _is_own_origin(request):
            return PlainTextResponse("expected a request of one of the console's own pages", 403)
        if self.needs_token and visitor.name is None and not request.url.path.startswith(_OPEN):
            is_page = "text/html" in request.headers.get("accept", "")
            return RedirectResponse("/login", 303) if is_page else PlainTextResponse("sign in first", 401)
        return None

    def sign_in(self, visitor: Visitor, name: str, token: str) -> str | None:
        """The cookie of one who knows the token, a new one; None to others."""
        expected = (self._token or "").encode()
        if not expected or not hmac.compare_digest(token.encode(), expected):
            return None
        self.sign_out(visitor)
        now = time.monotonic()
        self._sessions = {one: session for one, session in self._sessions.items() if session[1] > now}
        cookie = secrets.token_urlsafe(32)
        self._sessions[cookie] = (name, now + _SIGNED_IN_S)
        return cookie

    def sign_out(self, visitor: Visitor) -> None:
        self._sessions.pop(visitor.cookie, None)

    def form_token(self, visitor: Visitor) -> str:
        """What the forms of the visitor's pages bring along."""
        return hmac.digest(self._key, visitor.cookie.encode(), "sha256").hex()

    async def read_form(self, request: Request) -> dict[str, str]:
        """The fields of a posted form. Raises ForbiddenError where it does not bring its page's token."""
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MAX_FORM_BYTES:
                raise ForbiddenError(f"expected a form of at most {_MAX_FORM_BYTES} bytes, received more")
        fields = dict(parse_qsl(body.decode("utf8", errors="replace"), keep_blank_values=True))
        expected = self.form_token(request.state.visitor)
        if not hmac.compare_digest(fields.pop("form_token", "").encode(), expected.encode()):
            raise ForbiddenError("expected the form of a page that is open now, received an older one; load it again")
        return fields

    def set_cookie(self, headers: MutableHeaders, cookie: str) -> None:
        headers.append("Set-Cookie", f"{self._cookie_name}={cookie}; Path=/; HttpOnly; SameSite=Strict")


class Guard:
    """The ASGI app behind `access`; every answer carries the security headers."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        visitor = self._access.find_visitor(request)
        scope.setdefault("state", {})["visitor"] = visitor

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._add_headers(MutableHeaders(scope=message), request, visitor)
            await send(message)

        answer = self._access.refuse(request, visitor) or self._app
        await answer(scope, receive, send_guarded)

    def _add_headers(self, headers: MutableHeaders, request: Request, visitor: Visitor) -> None:
        for name, value in _HEADERS.items():
            headers.setdefault(name, value)
        if visitor.is_new and "set-cookie" not in headers:  # signing in sets another one
            self._access.set_cookie(headers, visitor.cookie)
        if (language := request.query_params.get("lang")) in LANGUAGES:
            headers.append("Set-Cookie", f"{LANGUAGE_COOKIE}={language}; Path=/; SameSite=Strict; Max-Age=31536000")


def identify(request: Request) -> dict[str, str]:
    """Whom the audit names: who signed in, or the user of this machine where nobody needs to; and from where."""
    visitor = request.state.visitor
    return {"who": visitor.name or find_user(), "address": visitor.address}


def _is_own_origin(request: Request) -> bool:
    """Whether a browser says that a page of the same address sent it. The scheme is a proxy's to know."""
    host = request.headers.get("host")
    return bool(host) and request.headers.get("origin") in (f"http://{host}", f"https://{host}")
