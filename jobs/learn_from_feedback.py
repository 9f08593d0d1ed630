"""Fine-tune the champion on filed corrections, with a replay of what it was trained on, and promote it by the gate.

./spark-submit.sh learn_from_feedback feedback.min_corrections=50 training.ranks=2

It learns what was filed since it learned last. Settings of the network are those that the champion was trained with.
"""

from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Any

from jobs.job import Job, Summary, main
from jobs.lineage import today
from jobs.promotions import carry_out
from jobs.training_steps import measure_test, register_network, train_network
from models.training_config import TrainingConfig
from pipelines.encoding import TextEncoder
from pipelines.errors import MalgilError
from pipelines.feedback import HELD_OUT, FeedbackConfig
from pipelines.feedback_gate import Scores, can_be_judged, decide_feedback_promotion
from pipelines.io.evaluations import evaluate_version
from pipelines.io.feedback_store import FiledFeedback, count_corrections, find_feedback, write_verdict
from pipelines.io.fine_tuning_set import FineTuning, publish_fine_tuning_set
from pipelines.io.model_files import ModelFiles, load_model, read_manifest_sha256
from pipelines.io.profiles import profile_version
from pipelines.io.registry import champion, download_model, resolve
from pipelines.io.snapshots import read_encoder
from pipelines.io.store import content_id
from pipelines.io.tracking import SNAPSHOT, Tracking, connect_mlflow, finish_run, log_results, start_run
from pipelines.io.version_records import note_version
from pipelines.warm_start import write_initial_weights

SECTIONS = ("training_set", "network", "training", "mlflow", "promotion", "feedback")


@dataclass(frozen=True)
class _Champion:
    """Who is fine-tuned."""

    files: ModelFiles
    base: str  # the snapshot that it was trained on
    encoder: TextEncoder


def run(job: Job) -> Summary:
    config = job.settings.feedback
    filed = find_feedback(job.store, config, until=today(job) + timedelta(days=1))
    new = count_corrections(job.store, filed.new)
    if new < config.min_corrections:
        return _wait(
            {"new": new}, f"there are {new} new corrections, of feedback.min_corrections={config.min_corrections}"
        )
    tracking = connect_mlflow(job.settings.mlflow)
    reigning = _find_champion(job, tracking)
    snapshot = _build_set(job, reigning, filed)
    corrections = (job.store.manifest("snapshots", snapshot) or {})["feedback"]
    if not can_be_judged(corrections[HELD_OUT], config):
        return _wait(corrections, f"{corrections[HELD_OUT]} new corrections are held out, too few to judge the others")
    version, facts = _train(job, tracking, reigning, snapshot)
    return {**facts, "corrections": corrections, **_decide(job, tracking, reigning, version, snapshot, filed)}


def _wait(corrections: dict[str, int], reason: str) -> Summary:
    return {"promoted": False, "reason": reason, "corrections": corrections, "skipped": True}


def _decide(
    job: Job, tracking: Tracking, reigning: _Champion, version: str, snapshot: str, filed: FiledFeedback
) -> Summary:
    test, held_out = _evaluate(job, tracking, reigning, version, snapshot)
    decided = decide_feedback_promotion(test, held_out, job.settings.feedback, job.settings.promotion)
    decision, name = decided.decision, reigning.files.name
    if champion(tracking, name) != reigning.files.version:
        raise MalgilError(f"{name}: another version became champion meanwhile; run learn_from_feedback again")
    metrics = {**measure_test(test.challenger), "held_out_accuracy": held_out.challenger.accuracy}
    carry_out(job, tracking, name, version, decision, metrics)
    write_verdict(job.store, today(job), filed.new, is_trusted=decided.is_trusted, reason=decision.reason)
    before = {"test_accuracy": test.champion.accuracy, "held_out_accuracy": held_out.champion.accuracy}
    return {
        "model": name, "version": version, "compared_with": reigning.files.version, "snapshot": snapshot,
        "metrics": metrics, "champion_metrics": before, "promoted": decision.promoted, "trusted": decided.is_trusted,
        "reason": decision.reason, "skipped": False,
    }  # fmt: skip


def _find_champion(job: Job, tracking: Tracking) -> _Champion:
    name = job.settings.mlflow.intent_model
    version = champion(tracking, name)
    if version is None:
        raise MalgilError(f"{name}: expected a champion to fine-tune, found none; train and promote one first")
    base = resolve(tracking, name, version).tags[SNAPSHOT]
    if job.store.manifest("snapshots", base) is None:
        raise MalgilError(
            f"expected snapshots/{base} in the store, which {name} version {version} was trained on, found nothing; "
            "use the store that it was trained with"
        )
    encoder = read_encoder(job.store, job.store.url("snapshots", base)).only(job.settings.network.features)
    return _Champion(download_model(tracking, name, version), base, encoder)


def _build_set(job: Job, reigning: _Champion, filed: FiledFeedback) -> str:
    """The id of the fine-tuning's snapshot, which stands in the store."""
    settings = job.settings
    training_set = replace(settings.training_set, min_shards=settings.training.ranks)
    tuning = FineTuning(filed, reigning.base, reigning.encoder, settings.feedback, training_set)
    parts = asdict(replace(tuning, encoder=TextEncoder((), ())))
    output_id = content_id("fine-tuning", read_manifest_sha256(reigning.files), parts)
    if job.store.manifest("snapshots", output_id) is None:
        origin = {"snapshots": reigning.base, "feedback": filed.all}
        publish_fine_tuning_set(job.spark, job.store.made_from(**origin), output_id, tuning)
    return output_id


def _train(job: Job, tracking: Tracking, reigning: _Champion, snapshot: str) -> tuple[str, dict[str, Any]]:
    """The fine-tuned version, and how its training went."""
    from models.network import build_network  # TensorFlow: 4 s

    settings = job.settings
    training = _soften(settings.training, settings.feedback)
    training_id = content_id("training", snapshot, asdict(settings.network), asdict(training))
    parameters = {"network": asdict(settings.network), "training": asdict(training)}
    tags = {"snapshot": snapshot, "malgil_run": job.run_id, "fine_tuned": reigning.files.version}
    run = start_run(tracking, training_id, parameters=parameters, tags=tags)
    encoder, url = reigning.encoder, job.store.url("checkpoints", training_id, "initial.npz")
    network = build_network(encoder.inputs, classes=len(encoder.intents), config=settings.network)
    write_initial_weights(url, network, load_model(reigning.files).network)
    result = train_network(job, run, snapshot, training=training, initial_weights=url)
    version, metrics = register_network(
        job, run, result, name=reigning.files.name, encoder=encoder, snapshot=reigning.base
    )
    log_results(run, metrics)
    champion = f"{reigning.files.name}/{reigning.files.version}"
    note_version(
        job.store.made_from(snapshots=snapshot, versions=champion),
        reigning.files.name,
        version,
        training_id=run.training_id,
        mlflow_run=run.run_id,
    )
    finish_run(run)
    return version, {"mlflow_run": run.run_id, "ranks": result.ranks, "epochs": result.epochs}


def _soften(training: TrainingConfig, feedback: FeedbackConfig) -> TrainingConfig:
    """The training's settings for a few careful passes."""
    return replace(
        training, epochs=feedback.epochs, learning_rate=feedback.learning_rate, warm_up_epochs=0.5, patience=0
    )


def _evaluate(job: Job, tracking: Tracking, reigning: _Champion, version: str, snapshot: str) -> tuple[Scores, Scores]:
    """Both models on the old test split, and on the held-out corrections."""
    challenger = download_model(tracking, reigning.files.name, version)
    profile_version(job.spark, job.store, challenger, reigning.base)

    def score(snapshot: str, split: str) -> Scores:
        new, old = (
            evaluate_version(job.spark, job.store, files, snapshot, split=split)
            for files in (challenger, reigning.files)
        )
        return Scores(challenger=new, champion=old)

    return score(reigning.base, "test"), score(snapshot, HELD_OUT)


if __name__ == "__main__":
    main(__file__, run)
