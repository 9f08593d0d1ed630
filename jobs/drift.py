"""Compare a batch's predictions with those of its model's own test messages: do people say something else now?

./spark-submit.sh drift                             # the newest output of predict_batch
./spark-submit.sh drift drift.predictions=ID        # another one

Unknown tokens are not compared: written predictions do not tell of them. predict_stream looks for them as well.
"""

from dataclasses import asdict

from jobs.job import Job, Summary, main
from pipelines.drift import Window, measure_drift
from pipelines.errors import MalgilError
from pipelines.io.model_files import version_id
from pipelines.io.predictions import find_version, read_predictions
from pipelines.io.profiles import read_profile
from pipelines.io.registry import download_model
from pipelines.io.tracking import connect_mlflow
from pipelines.traits import OUT_OF_SCOPE, collect_profile, count_predictions_traits

SECTIONS = ("drift", "mlflow")


def run(job: Job) -> Summary:
    output, name = job.settings.drift.predictions or _find_newest(job), job.settings.mlflow.intent_model
    predictions = read_predictions(job.spark, job.store, output)
    version = find_version(predictions)
    reference = read_profile(job.store, version_id(download_model(connect_mlflow(job.settings.mlflow), name, version)))
    if reference is None:
        raise MalgilError(
            f"{name} version {version}: expected its profile in {job.store.root}, found none; use the store that it "
            "was trained with, or train it again: versions from before there were profiles have none"
        )
    current = collect_profile(count_predictions_traits(predictions).collect())
    window = Window(current[OUT_OF_SCOPE].total(), measure_drift(reference, current))
    for trait, drift in window.traits.items():
        job.progress.note(f"{trait:<14} PSI {drift.psi:.3f}, by chance up to {drift.by_chance:.3f}")
    return {
        "predictions": job.store.url("predictions", output), "model": name, "version": version, "rows": window.rows,
        "drift": {trait: asdict(drift) for trait, drift in window.traits.items()}, "is_large": window.is_large,
    }  # fmt: skip


def _find_newest(job: Job) -> str:
    outputs = job.store.outputs("predictions")
    if not outputs:
        raise MalgilError(f"expected predictions in {job.store.root}, found none; run predict_batch first")
    return outputs[-1]


if __name__ == "__main__":
    main(__file__, run)
