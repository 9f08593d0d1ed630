"""Asking a daemon over HTTP whether it is there."""

import http.client
import json
import urllib.parse
import urllib.request
from typing import Any

_TIMEOUT_S = 5.0
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback is never behind a proxy


def ask_text(url: str) -> str | None:
    """What the URL answers; None while nobody does."""
    try:
        with _opener.open(url, timeout=_TIMEOUT_S) as response:
            return str(response.read(), "utf8")
    except (OSError, http.client.HTTPException):
        return None


def ask_json(url: str) -> Any:
    """The JSON that the URL answers; None while nobody does."""
    text = ask_text(url)
    return None if text is None else json.loads(text)


def ask_bean(address: str, name: str) -> dict[str, Any] | None:
    """The attributes of one of a Hadoop daemon's JMX beans; None while it does not answer or has no such bean."""
    answer = ask_json(f"http://{address}/jmx?qry={urllib.parse.quote(name, safe=':=,')}")
    return answer["beans"][0] if answer and answer["beans"] else None
