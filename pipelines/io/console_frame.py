"""What all pages of the console share: the language, the form token, who is signed in, which pages there are."""

from typing import Any

from fastapi import Request

from pipelines.console_rendering import Pages, choose_language
from pipelines.io.console_access import LANGUAGE_COOKIE, Access


class Frame:
    """Renders pages for a request."""

    def __init__(self, pages: Pages, access: Access) -> None:
        self._pages, self._access = pages, access

    def render(self, request: Request, name: str, **values: Any) -> str:
        """A whole page."""
        visitor = request.state.visitor
        return self._pages.render(
            name, self.language(request), path=request.url.path, visitor=visitor, needs_token=self._access.needs_token,
            form_token=self._access.form_token(visitor), **values,
        )  # fmt: skip

    def render_part(self, request: Request, name: str, **values: Any) -> str:
        """A part of a page, which comes later."""
        return self._pages.render(name, self.language(request), **values)

    def texts(self, request: Request) -> dict[str, str]:
        return self._pages.texts(self.language(request))

    @staticmethod
    def language(request: Request) -> str:
        kept = request.cookies.get(LANGUAGE_COOKIE)
        return choose_language(request.query_params.get("lang"), kept, request.headers.get("accept-language"))
