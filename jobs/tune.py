"""Search for good settings of the network and of training: a study of trials side by side in Spark's task slots.

./spark-submit.sh tune dataset=massive_ko data_root=../shared/data tune.trials=20

The best settings become a recipe: `train_intent recipe=…/recipe.yaml` trains with them. The training set is made if it
does not stand; its test split is never read. The same study again goes on with the trials that it has, and has more of
them where `tune.trials` is higher: docs/tuning.md.
"""

from dataclasses import replace
from typing import Any

from jobs import nightly
from jobs.job import Job, Summary, main, run_step
from jobs.lineage import find_snapshot, study_id
from jobs.training_steps import count_snapshot_labels
from pipelines.feed import read_facts
from pipelines.io.studies import Found, Study, log_recipe, search_settings
from pipelines.io.tracking import connect_mlflow
from pipelines.recipes import format_recipe
from pipelines.search_space import Range, Recipe, apply_settings, describe_space, parse_space
from pipelines.trial import TrialTask
from pipelines.tuning import count_wanted

SECTIONS = ("generator", "input", "cleaning", "training_set", "network", "training", "tune", "mlflow", "feedback")


def run(job: Job) -> Summary:
    space = parse_space(job.settings.tune.space, _base(job))
    count_wanted(job.settings.tune, space)  # a wrong setting must not wait for the training set
    for step in nightly.list_preparations(job.settings):
        run_step(job, nightly.name_of(step), step.run)
    return run_step(job, "tune", lambda job: _tune(job, space))


def _tune(job: Job, space: tuple[Range, ...]) -> Summary:
    study_name, wanted = study_id(job, space), count_wanted(job.settings.tune, space)
    if standing := job.store.manifest("tunings", f"{study_name}-{wanted}"):
        return {**standing, "skipped": True}
    study, snapshot = _open_study(job, study_name, space), find_snapshot(job)["id"]
    found = search_settings(
        job.spark,
        study,
        parameters={"tune": vars(job.settings.tune) | {"space": describe_space(space)}},
        tags={"snapshot": snapshot, "malgil_run": job.run_id},
        on_trial=lambda done, total, best: job.step.tell(done, total, _progress(done, total, best)),
    )
    return {**_publish(job, study, found), "skipped": False}


def _open_study(job: Job, name: str, space: tuple[Range, ...]) -> Study:
    from models.network import build_network  # TensorFlow: 4 s, and only if there is something to train

    snapshot = find_snapshot(job)["id"]
    facts = read_facts(job.store.url("snapshots", snapshot), job.settings.network.features)
    facts = replace(facts, label_counts=count_snapshot_labels(job, snapshot))
    threads = int(job.spark.sparkContext.getConf().get("spark.task.cpus", "1"))
    task = TrialTask(facts, build_network, _base(job), space, threads)
    return Study(connect_mlflow(job.settings.mlflow), name, job.settings.tune, task)


def _publish(job: Job, study: Study, found: Found) -> dict[str, Any]:
    """Write the recipe into the store and into the study's run; the job's facts."""
    comment = f"The best of {found.trials} trials of {study.name}: validation accuracy {found.accuracy:.4f}"
    recipe = apply_settings(study.task.base, found.values)
    text = format_recipe(recipe, job.settings.training_set, comment=comment)
    output = f"{study.name}-{min(found.trials, study.wanted)}"

    def write(folder: str) -> dict[str, Any]:
        job.store.write_text(f"{folder}/recipe.yaml", text)
        return {
            "study": study.name, "mlflow_run": found.run_id, "recipe": job.store.url("tunings", output, "recipe.yaml"),
            "trials": {"complete": found.complete, "pruned": found.pruned, "failed": found.failed},
            "best": dict(found.values), "best_trial": found.trial, "validation_accuracy": round(found.accuracy, 4),
        }  # fmt: skip

    log_recipe(found, study.tracking, text)
    return job.store.publish("tunings", output, write)


def _base(job: Job) -> Recipe:
    return Recipe(job.settings.network, job.settings.training)


def _progress(done: int, total: int, best: float | None) -> str:
    return f"{done} of {total} trials" + (f"  best {best:.4f}" if best is not None else "")


if __name__ == "__main__":
    main(__file__, run, has_steps=True)
