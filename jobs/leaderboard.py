"""Train a list of networks and their ensemble on one snapshot, and set them side by side in one table.

./spark-submit.sh leaderboard dataset=massive_ko data_root=../shared/data

Each network is a recipe of conf/recipes, or a YAML file like them, which the table names without its folder; settings
on the command line are for all of them. They become versions of a registered model of their own,
`malgil-intent-leaderboard`, which predicts for nobody. A training that stands already is not done again.
"""

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path, PurePosixPath
from typing import Any

from jobs import nightly, train_intent
from jobs.ensemble_training import train_ensemble
from jobs.job import Job, Summary, main, read_settings, run_step
from jobs.lineage import find_model_name, find_snapshot
from pipelines.errors import MalgilError
from pipelines.io.evaluations import evaluate_version
from pipelines.io.model_files import NETWORK, ModelFiles, load_model
from pipelines.io.registry import download_model
from pipelines.io.shared_model import import_tensorflow
from pipelines.io.snapshots import read_snapshot
from pipelines.io.store import content_id
from pipelines.io.tracking import connect_mlflow, finish_run, log_document, log_pictures, log_results, start_run
from pipelines.leaderboard import (
    Entry,
    Leaderboard,
    format_table,
    measure_rows_per_s,
    rank_entries,
    render_leaderboard,
    to_metrics,
)
from pipelines.pictures import draw_leaderboard
from pipelines.prediction import PredictionConfig
from pipelines.settings import Settings

SECTIONS = (
    "generator", "input", "cleaning", "training_set", "network", "training", "distillation", "mlflow", "feedback",
    "leaderboard",
)  # fmt: skip
_ROWS = 4096  # of the test split that speed is measured on
_ENSEMBLE = "ensemble"


def run(job: Job) -> Summary:
    import_tensorflow(threads=1)  # what is measured here is a core's speed
    entrants = _read_entrants(job)
    prepared = replace(job, settings=next(iter(entrants.values())))
    for step in nightly.list_preparations(job.settings):
        run_step(prepared, nightly.name_of(step), step.run)
    trainings = {
        name: run_step(replace(job, settings=settings), name, train_intent.run) for name, settings in entrants.items()
    }
    shares = {}
    if job.settings.leaderboard.ensemble:
        trainings[_ENSEMBLE] = run_step(prepared, _ENSEMBLE, lambda job: _add_ensemble(job, trainings))
        shares = trainings[_ENSEMBLE]["shares"]
    return run_step(prepared, "table", lambda job: _write(job, trainings, shares))


def _read_entrants(job: Job) -> dict[str, Settings]:
    """Each recipe's settings; the training set has the features of all of them, and each network reads its own."""
    recipes = {recipe: PurePosixPath(recipe).stem for recipe in job.settings.leaderboard.recipes}  # a file by its name
    if len({*recipes.values()}) < len(recipes):
        raise MalgilError(f"leaderboard.recipes: expected names of their own, received {[*recipes]}")
    found = {name: read_settings(f"recipe={recipe}") for recipe, name in recipes.items()}
    sets = [settings.training_set for settings in found.values()]
    features = {name: feature for one in sets for name, feature in one.features.items()}
    vectors = {name: config for one in sets for name, config in one.vectors.items()}
    task, mlflow, model = job.settings.task, job.settings.mlflow, f"{find_model_name(job)}-leaderboard"
    mlflow = replace(mlflow, intent_model=model, label_models={**mlflow.label_models, task: model})
    return {
        name: replace(
            settings,
            mlflow=mlflow,
            training_set=replace(settings.training_set, features=features, vectors=vectors),
            network=replace(settings.network, features=settings.network.features or [*settings.training_set.features]),
        )
        for name, settings in found.items()
    }


def _add_ensemble(job: Job, trainings: Mapping[str, Summary]) -> Summary:
    tracking, name = connect_mlflow(job.settings.mlflow), find_model_name(job)
    members = {member: download_model(tracking, name, training["version"]) for member, training in trainings.items()}
    return train_ensemble(job, tracking, find_snapshot(job)["id"], members, name=name)


def _write(job: Job, trainings: Mapping[str, Summary], shares: Mapping[str, float]) -> Summary:
    """Measure every version, print the table, and keep it in MLflow and as a page in the store."""
    tracking, model = connect_mlflow(job.settings.mlflow), find_model_name(job)
    snapshot = find_snapshot(job)
    found = {name: download_model(tracking, model, training["version"]) for name, training in trainings.items()}
    entries = rank_entries(
        [_measure(job, name, files, trainings[name], shares.get(name), snapshot["id"]) for name, files in found.items()]
    )
    board = Leaderboard(
        source=job.settings.dataset or job.settings.input.path or "generated shop chat",
        run_id=job.run_id, now=job.now, snapshot=snapshot["id"], rows=snapshot["rows"], entries=entries,
        histories={name: training["history"] for name, training in trainings.items() if "history" in training},
        best=evaluate_version(job.spark, job.store, found[entries[0].name], snapshot["id"]),
    )  # fmt: skip
    for line in format_table(entries):
        job.progress.note(line)
    url = f"{job.store.root}/reports/leaderboard-{job.run_id}.html"
    job.store.write_text(url, render_leaderboard(board))
    run = start_run(tracking, content_id("leaderboard", job.run_id), parameters={}, tags={"snapshot": snapshot["id"]})
    log_results(run, {key: value for entry in entries for key, value in to_metrics(entry).items()})
    log_document(run, "leaderboard.json", {"entries": [asdict(entry) for entry in entries]})
    log_pictures(run, {"leaderboard": draw_leaderboard(entries)})
    finish_run(run)
    table = [asdict(entry) for entry in entries]
    return {"leaderboard": table, "report": url, "snapshot": snapshot["id"], "mlflow_run": run.run_id}


def _measure(job: Job, name: str, files: ModelFiles, training: Summary, share: float | None, snapshot: str) -> Entry:
    from models.predictor import compile_network

    model = load_model(files)
    test, validation = (
        evaluate_version(job.spark, job.store, files, snapshot, split=split) for split in ("test", "validation")
    )
    ids = _read_ids(job, snapshot, [*model.encoder.inputs])
    predict = compile_network(model.network, batch_rows=PredictionConfig().batch_rows)
    return Entry(
        name=name,
        version=files.version,
        validation_accuracy=validation.accuracy,
        accuracy=test.accuracy,
        macro_f1=test.macro_f1,
        calibration_error=test.calibration_error,
        training_rows_per_s=training.get("rows_per_s", 0),
        predicting_rows_per_s=measure_rows_per_s(predict, ids, count=len(next(iter(ids.values())))),
        parameters=model.network.count_params(),
        megabytes=(Path(files.path) / NETWORK).stat().st_size / 1e6,
        seconds=training["seconds"],
        share=share,
    )


def _read_ids(job: Job, snapshot: str, features: list[str]) -> dict[str, Any]:
    """Some encoded test messages: int32 (rows, length) by feature."""
    import numpy as np

    rows = read_snapshot(job.spark, job.store.url("snapshots", snapshot), "test")
    found = rows.select(*features).limit(_ROWS).toPandas()
    return {name: np.stack(found[name].to_list()).astype(np.int32) for name in features}


if __name__ == "__main__":
    main(__file__, run, has_steps=True)
