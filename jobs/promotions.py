"""What a job does with the decision about a version: it is promoted or not, tagged, and others are told."""

from collections.abc import Mapping

from jobs.job import PlainJob
from pipelines.events import EventKind
from pipelines.io.registry import promote, tag_version
from pipelines.io.tracking import Tracking
from pipelines.promotion import PromotionDecision


def carry_out(
    job: PlainJob,
    tracking: Tracking,
    name: str,
    version: str,
    decision: PromotionDecision,
    metrics: Mapping[str, object] | None = None,
) -> None:
    """Make the version the champion where the decision says so; the decision and `metrics` stand on the version."""
    kind = EventKind.PROMOTED if decision.promoted else EventKind.REFUSED
    tags = {**(metrics or {}), "promoted": decision.promoted, "promotion_reason": decision.reason}
    with job.events.telling(kind, model=name, version=version, reason=decision.reason):
        if decision.promoted:
            promote(tracking, name, version)
        tag_version(tracking, name, version, tags)
