"""What the nightly report shows, gathered from the steps' summaries and the store."""

from collections.abc import Mapping
from dataclasses import asdict

from pyspark.sql import functions as F

from jobs.job import Job, Summary
from jobs.lineage import find_clean, find_model_name, find_snapshot
from pipelines.evaluation import Evaluation
from pipelines.io.evaluations import evaluate_version
from pipelines.io.messages import read_clean_messages
from pipelines.io.registry import download_model
from pipelines.io.tracking import connect_mlflow, git_commit
from pipelines.promotion import PromotionDecision
from pipelines.report import ReportData, Sample, write_report
from udfs.lossless import PLACEHOLDER

_SAMPLES = 12  # messages shown, as they are stored: those with masked personal data first


def write_nightly_report(job: Job, summaries: Mapping[str, Summary]) -> Summary:
    """Write the run's report into the store; its URL under `report`."""
    training, decision = summaries["train_intent"], summaries["evaluate_intent"]
    rival = decision["compared_with"]
    data = ReportData(
        source=job.settings.dataset or job.settings.input.path or "generated shop chat",
        run_id=job.run_id,
        now=job.now,
        steps=summaries,
        samples=_pick_samples(job),
        history=training["history"],
        challenger=_evaluate(job, training["version"]),
        challenger_version=training["version"],
        champion=_evaluate(job, rival) if rival else None,
        champion_version=rival,
        decision=PromotionDecision(decision["promoted"], decision["reason"]),
        ids={
            "run": job.run_id, "snapshot": training["snapshot"], "clean messages": find_clean(job)["id"],
            "model": f"{training['model']} version {training['version']}", "MLflow run": training["mlflow_run"],
            "commit": git_commit(),
        },
        settings=asdict(job.settings),
    )  # fmt: skip
    return {"report": write_report(job.store, f"{job.store.root}/reports/{job.run_id}.html", data)}


def _evaluate(job: Job, version: str) -> Evaluation:
    model = download_model(connect_mlflow(job.settings.mlflow), find_model_name(job), version)
    return evaluate_version(job.spark, job.store, model, find_snapshot(job)["id"])


def _pick_samples(job: Job) -> list[Sample]:
    messages = read_clean_messages(job.spark, job.store.url("clean", find_clean(job)["id"]))
    ordered = messages.orderBy(~F.col("text").rlike(PLACEHOLDER.pattern), F.xxhash64("message_id")).limit(_SAMPLES)
    return [Sample(row["text"], row["intent"]) for row in ordered.select("text", "intent").collect()]
