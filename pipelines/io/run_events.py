"""What a run tells of itself and of models' versions, to every destination of the settings."""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timezone

from pipelines.events import Event, EventKind, EventsConfig
from pipelines.io.event_courier import Courier
from pipelines.io.event_destinations import find_destinations
from pipelines.io.event_outbox import Outbox
from pipelines.io.kafka_topics import KafkaConfig
from pipelines.io.store import Maker, Store, content_id

log = logging.getLogger(__name__)


class RunEvents:
    """The events of one run. Without a destination nothing is written, and nothing is done.

    Guarantee: what was told is delivered at least once to each destination, by this run or by a later one with the
    same store and destination, unless it is not taken for `events.keep_days`. A destination that fails neither fails
    nor delays the run, but for `events.timeout_s` at its end. Raises MalgilError where the webhook's secret is missing.
    """

    def __init__(
        self,
        store: Store,
        maker: Maker,
        user: str,
        *,
        config: EventsConfig,
        kafka: KafkaConfig,
        notify: str = "",
    ) -> None:
        self._maker, self._user, self._notify = maker, user, notify
        found = find_destinations(config, kafka).items()
        self._couriers = [Courier(name, Outbox(store, name), destination, config) for name, destination in found]

    def tell(
        self, kind: EventKind, *, model: str | None = None, version: str | None = None, reason: str | None = None
    ) -> None:
        """Tell what has happened."""
        event = self._describe(kind, model, version, reason)
        for courier in self._couriers:
            courier.put(event)

    @contextmanager
    def telling(
        self, kind: EventKind, *, model: str, version: str | None, reason: str | None = None, occasion: str = ""
    ) -> Iterator[None]:
        """Tell what happens in the block, unless it raises; `occasion` is for what a run may do twice.

        Of a process that is killed inside, the event is told as well, for it may have happened.
        """
        event = self._describe(kind, model, version, reason, occasion)
        for courier in self._couriers:
            courier.hold(event)
        has_happened = False
        try:
            yield
            has_happened = True
        finally:
            for courier in self._couriers:
                courier.release(event, has_happened=has_happened)

    @contextmanager
    def of_run(self, describe: Callable[[BaseException], str]) -> Iterator[None]:
        """Tell that the run is started, and how the block ends; inside, events are delivered."""
        with ExitStack() as stack:
            for courier in self._couriers:
                stack.enter_context(courier.at_work())
            self.tell(EventKind.STARTED)
            try:
                yield
            except BaseException as error:
                kind = EventKind.FAILED if isinstance(error, Exception) else EventKind.CANCELLED
                self._tell_end(kind, describe(error))
                raise
            self.tell(EventKind.SUCCEEDED)

    def _describe(
        self, kind: EventKind, model: str | None, version: str | None, reason: str | None, *occasions: str
    ) -> Event:
        maker, at = self._maker, datetime.now(timezone.utc)
        event_id = content_id("event", maker.run_id, kind.value, model, version, *filter(None, occasions))
        run = maker.job, maker.run_id, self._user
        return Event(event_id, kind.value, at.isoformat(), *run, model, version, reason, self._notify)

    def _tell_end(self, kind: EventKind, reason: str) -> None:
        try:
            self.tell(kind, reason=reason)
        except Exception:  # the store may be why it failed, and that is to be told
            log.exception("the end of run %s could not be put into the outbox", self._maker.run_id)
