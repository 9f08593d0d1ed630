"""Events: what became of a run or of a model's version, for systems that act on it. Never what people said."""

import hashlib
import hmac
import json
from dataclasses import asdict, dataclass
from enum import Enum


@dataclass(frozen=True)
class EventsConfig:
    """Who is told what becomes of runs and models."""

    topic: str = ""  # Kafka topic that gets each event, such as malgil.events; empty: none does
    webhook_url: str = ""  # URL that gets each event as a signed POST; empty: none does
    secret_env: str = "MALGIL_WEBHOOK_SECRET"  # the environment variable with the secret that signs
    timeout_s: float = 5.0  # for one answer; a job waits no longer for all of them at its end
    retry_s: float = 5.0  # until what failed is tried again, twice as long each further time, up to 5 minutes
    keep_days: int = 7  # an event that nobody took for so long is dropped


class EventKind(Enum):
    """What happened. Runs are started, succeeded, failed and cancelled; the rest is about a model's version."""

    STARTED = "started"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"  # by a person, a scheduler or its time limit
    PROMOTED = "promoted"  # it is the champion from now on
    REFUSED = "refused"  # not promoted; or live workers refuse it, as its files or its self-test are not right
    STAGED = "staged"
    ROLLED_BACK = "rolled_back"  # it was the champion, and the one before is again


@dataclass(frozen=True)
class Event:
    """One event. A receiver that acts once remembers ids: an event may come twice, with the same id."""

    id: str  # equal for equal run, kind, model and version; of what people do on the console, each has its own
    kind: str
    at: str  # ISO 8601, UTC
    job: str
    run_id: str
    user: str
    model: str | None = None  # the registered name
    version: str | None = None
    reason: str | None = None
    notify: str = ""  # whom the run's job spec names, with commas, for the receiver to pass it on

    def to_json(self) -> bytes:
        return json.dumps(asdict(self), ensure_ascii=False).encode()


def sign_event(body: bytes, *, timestamp: str, secret: str) -> str:
    """HMAC-SHA256 of the timestamp, a dot and the body, in hexadecimal.

    With the time in it, a receiver can tell a request that somebody recorded and sends again later.
    """
    return hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
