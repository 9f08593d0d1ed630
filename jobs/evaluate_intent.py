"""Compare the challenger with the champion on the same test messages, and promote it if it is better.

./spark-submit.sh evaluate_intent promotion.min_gain=0.002
"""

from jobs.job import Job, Summary, main
from jobs.lineage import find_filed_feedback, find_model_name, find_snapshot, today, training_id
from jobs.promotions import carry_out
from pipelines.errors import MalgilError
from pipelines.evaluation import evaluate_counts
from pipelines.feedback import HELD_OUT
from pipelines.feedback_gate import find_inconsistency
from pipelines.io.evaluations import evaluate_version
from pipelines.io.feedback_store import write_verdict
from pipelines.io.model_files import ModelFiles
from pipelines.io.registry import champion, download_model, find_version, rolled_back_at
from pipelines.io.tracking import connect_mlflow
from pipelines.promotion import PromotionDecision, decide_promotion

SECTIONS = (
    "input",
    "cleaning",
    "training_set",
    "network",
    "training",
    "distillation",
    "mlflow",
    "promotion",
    "feedback",
)


def run(job: Job) -> Summary:
    tracking, name = connect_mlflow(job.settings.mlflow), find_model_name(job)
    snapshot = find_snapshot(job)["id"]
    challenger = find_version(tracking, name, training_id=training_id(job))
    if challenger is None:
        raise MalgilError(f"{name}: expected a version trained with these settings, found none; run train_intent first")
    reigning = champion(tracking, name)
    if reigning == challenger:
        return _summarize(name, challenger, reigning=reigning, compared_with=None, promoted=True,
                          reason=f"version {challenger} is the champion already", skipped=True)  # fmt: skip
    scores = {
        version: evaluate_version(job.spark, job.store, download_model(tracking, name, version), snapshot)
        for version in (challenger, reigning)
        if version
    }
    taken_back = rolled_back_at(tracking, name, challenger)
    fault = _find_bad_feedback(job, download_model(tracking, name, challenger))
    decision = decide_promotion(scores[challenger], scores.get(reigning or ""), job.settings.promotion, taken_back)
    decision = PromotionDecision(promoted=False, reason=fault) if fault else decision
    carry_out(job, tracking, name, challenger, decision)
    new_champion = challenger if decision.promoted else reigning
    return _summarize(name, challenger, reigning=new_champion, compared_with=reigning, promoted=decision.promoted,
                      reason=decision.reason, skipped=False)  # fmt: skip


def _find_bad_feedback(job: Job, challenger: ModelFiles) -> str | None:
    """Why the corrections in the training set must not have been learned; they are not learned again then."""
    filed, snapshot = find_filed_feedback(job), find_snapshot(job)
    if not filed.new:
        return None
    held_out = evaluate_counts([])
    if HELD_OUT in snapshot["rows"]:
        held_out = evaluate_version(job.spark, job.store, challenger, snapshot["id"], split=HELD_OUT)
    fault = find_inconsistency(held_out, job.settings.feedback)
    if fault:
        write_verdict(job.store, today(job), filed.new, is_trusted=False, reason=fault)
    return fault


def _summarize(
    name: str, challenger: str, *, reigning: str | None, compared_with: str | None, promoted: bool, reason: str,
    skipped: bool,
) -> Summary:  # fmt: skip
    return {
        "model": name, "version": challenger, "champion": reigning, "compared_with": compared_with,
        "promoted": promoted, "reason": reason, "skipped": skipped,
    }  # fmt: skip


if __name__ == "__main__":
    main(__file__, run)
