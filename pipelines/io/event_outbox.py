"""The outbox of a destination: events that it is still to get, a file each in the store."""

import json
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime

from models.files import read_bytes
from pipelines.events import Event
from pipelines.io.store import Store

_KIND = "outbox"


class Outbox:
    """The store's outbox. Several runs may deliver from it at once: then an event can be delivered twice."""

    def __init__(self, store: Store, destination: str) -> None:
        self._store, self._destination = store, destination

    def put(self, event: Event) -> None:
        """The event waits from here on, whatever becomes of this process."""
        self._store.write_json(self._url(_name(event)), asdict(event))

    def take_out(self, event: Event) -> None:
        """It is delivered, or did not happen."""
        with suppress(FileNotFoundError):  # another run delivered it as well
            self._store.remove(self._url(_name(event)))

    def read_waiting(self) -> list[Event]:
        """All that wait, the oldest first."""
        names = self._store.list_names(_KIND, self._destination)
        contents = (read_bytes(self._url(name)) for name in sorted(names) if not name.startswith("."))
        return [Event(**json.loads(content)) for content in contents if content]  # none: delivered just now

    def _url(self, name: str) -> str:
        return self._store.url(_KIND, self._destination, name)


def _name(event: Event) -> str:
    """Names sort by time; HDFS takes no colons."""
    return f"{datetime.fromisoformat(event.at):%Y%m%dT%H%M%S.%f}-{event.id}.json"
