"""Brings what waits in an outbox to its destination, in a thread, while a run goes on."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from threading import Event as Flag
from threading import Thread

from pipelines.errors import MalgilError
from pipelines.events import Event, EventsConfig
from pipelines.io.event_destinations import Destination
from pipelines.io.event_outbox import Outbox

log = logging.getLogger(__name__)

COURIER = "run-events"  # how the names of the threads begin that deliver
_LOOK_S = 60.0  # between two looks for what other runs could not deliver
_LONGEST_S = 300.0  # between two tries


class Courier:
    """Of one destination. What it does not take is logged and tried again, and fails nothing."""

    def __init__(self, name: str, outbox: Outbox, destination: Destination, config: EventsConfig) -> None:
        self._outbox, self._held = outbox, set[Event]()
        self._name, self._destination, self._config = name, destination, config
        self._is_news, self._is_over = Flag(), False

    def put(self, event: Event) -> None:
        """Deliver it: from here on it waits in the outbox, whatever becomes of this process."""
        self._outbox.put(event)
        self._is_news.set()

    def hold(self, event: Event) -> None:
        """It waits as well, but is not delivered by this run before `release`."""
        self._held.add(event)
        self._outbox.put(event)

    def release(self, event: Event, *, has_happened: bool) -> None:
        """Deliver what was held, or forget it."""
        if not has_happened:
            self._outbox.take_out(event)
        self._held.discard(event)
        self._is_news.set()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Inside, events are delivered; at the end once more, but for no longer than one answer may take.

        What is left then, a later run delivers.
        """
        thread = Thread(target=self._deliver_always, name=f"{COURIER}-{self._name}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._is_over = True
            self._is_news.set()
            thread.join(self._config.timeout_s)

    def _deliver_always(self) -> None:
        pause_s, is_last = self._config.retry_s, False
        while not is_last:
            is_last = self._is_over  # what was put before the end is delivered after it
            self._is_news.clear()
            if self._deliver_patiently():
                pause_s = self._config.retry_s
                self._is_news.wait(_LOOK_S if not is_last else 0)
            else:
                self._rest(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_S)

    def _rest(self, seconds: float) -> None:
        """Until then news wait as well, but not the end of the run."""
        until = time.monotonic() + seconds
        while not self._is_over and (left_s := until - time.monotonic()) > 0:
            self._is_news.wait(left_s)
            self._is_news.clear()

    def _deliver_patiently(self) -> bool:
        """Whether the destination took all that waits."""
        try:
            waiting = [event for event in self._outbox.read_waiting() if event not in self._held]
        except Exception as error:  # the run itself tells of a store that does not answer
            log.warning("events for %s wait, as the outbox cannot be read: %s", self._name, type(error).__name__)
            return False
        try:
            self._deliver(waiting)
        except Exception as error:  # whatever it is, others can still be told, and this one later
            reason = str(error) if isinstance(error, MalgilError) else type(error).__name__
            log.warning("events wait, as %s does not take them: %s", self._name, reason)
            self._drop_old(waiting)
            return False
        return True

    def _deliver(self, waiting: list[Event]) -> None:
        """In order, until one is not taken."""
        if not waiting:
            return
        with self._destination() as send:
            for event in waiting:
                send(event)
                self._outbox.take_out(event)

    def _drop_old(self, waiting: list[Event]) -> None:
        oldest = datetime.now(timezone.utc) - timedelta(days=self._config.keep_days)
        for event in (event for event in waiting if datetime.fromisoformat(event.at) < oldest):
            log.error("%s did not take %s for %d days: it is dropped", self._name, event, self._config.keep_days)
            self._outbox.take_out(event)
