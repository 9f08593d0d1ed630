"""Compare the challenger with the champion on the same test messages, and promote it if it is better.

./spark-submit.sh evaluate_intent promotion.min_gain=0.002
"""

from jobs.job import Job, Summary, main
from jobs.lineage import find_snapshot, training_id
from pipelines.errors import MalgilError
from pipelines.io.evaluations import evaluate_version
from pipelines.io.registry import champion, download_model, find_version, promote, rolled_back_at, tag_version
from pipelines.io.tracking import connect_mlflow
from pipelines.promotion import decide_promotion

SECTIONS = ("input", "cleaning", "training_set", "network", "training", "mlflow", "promotion")


def run(job: Job) -> Summary:
    tracking, name = connect_mlflow(job.settings.mlflow), job.settings.mlflow.intent_model
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
    decision = decide_promotion(scores[challenger], scores.get(reigning or ""), job.settings.promotion, taken_back)
    if decision.promoted:
        promote(tracking, name, challenger)
    tag_version(tracking, name, challenger, {"promoted": decision.promoted, "promotion_reason": decision.reason})
    new_champion = challenger if decision.promoted else reigning
    return _summarize(name, challenger, reigning=new_champion, compared_with=reigning, promoted=decision.promoted,
                      reason=decision.reason, skipped=False)  # fmt: skip


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
