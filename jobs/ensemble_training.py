"""The weighted mean of registered networks as a version of its own: the validation split says what each counts."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from itertools import islice
from typing import Any

import numpy as np

from jobs.job import Job
from pipelines.feed import Batch, Shard, read_facts, validation_batches
from pipelines.io.model_files import LoadedModel, load_model, read_manifest_sha256
from pipelines.io.registry import ModelFiles, register_model
from pipelines.io.snapshots import read_encoder
from pipelines.io.store import content_id
from pipelines.io.tracking import Tracking, finish_run, log_document, log_results, start_run
from pipelines.io.version_records import note_version

_BATCH = 1024
_BATCHES = 100  # of the validation split, whose rows lie in the order of a hash: so many tell a few weights


def train_ensemble(
    job: Job, tracking: Tracking, snapshot: str, members: Mapping[str, ModelFiles], *, name: str
) -> dict[str, Any]:
    """Register the members' ensemble under `name`; returns its `version`, `shares` by member and validation numbers.

    The driver holds the members and a bounded part of the validation split. The same members give the same version.
    """
    from models.collective import Ranks
    from models.confidence import judge_confidence
    from models.ensemble import build_ensemble, fit_weights
    from models.network import with_probabilities

    training_id = content_id("ensemble", snapshot, {name: read_manifest_sha256(m) for name, m in members.items()})
    run = start_run(
        tracking, training_id, parameters={"members": dict.fromkeys(members, 1)}, tags={"snapshot": snapshot}
    )
    loaded = [load_model(files) for files in members.values()]
    batches = _read_validation(job, snapshot)
    weights = fit_weights(_find_likelihoods(loaded, batches))
    encoder = read_encoder(job.store, job.store.url("snapshots", snapshot))
    network = build_ensemble(encoder.inputs, [model.network for model in loaded], weights.tolist())
    share = job.settings.training.in_scope_share
    calibration, threshold = judge_confidence(network, lambda: iter(batches), Ranks(), in_scope_share=share)
    shares = dict(zip(members, (round(float(weight), 4) for weight in weights), strict=True))
    metrics = {
        "temperature": calibration.temperature, "validation_calibration_error": calibration.error,
        "scope_threshold": threshold,
    }  # fmt: skip
    version = register_model(
        run, name, network=with_probabilities(network, temperature=calibration.temperature),
        encoder=replace(encoder, scope_threshold=threshold), snapshot=snapshot, metrics=metrics,
    )  # fmt: skip
    origin = {"snapshots": snapshot, "versions": [f"{m.name}/{m.version}" for m in members.values()]}
    note_version(job.store.made_from(**origin), name, version, training_id=run.training_id, mlflow_run=run.run_id)
    log_results(run, metrics)
    log_document(run, "ensemble.json", {"shares": shares, "members": {n: asdict(m) for n, m in members.items()}})
    finish_run(run)
    return {"version": version, "shares": shares, "mlflow_run": run.run_id}


def _read_validation(job: Job, snapshot: str) -> list[Batch]:
    facts = read_facts(job.store.url("snapshots", snapshot))
    return list(islice(validation_batches(facts, Shard(), batch_size=_BATCH), _BATCHES))


def _find_likelihoods(members: Sequence[LoadedModel], batches: Sequence[Batch]) -> Any:
    """The probability that each member gives to each row's label (rows, members); rows of unknown intents left out."""
    from models.predictor import compile_network

    columns = []
    for member in members:
        predict, found = compile_network(member.network, batch_rows=_BATCH), []
        for features, labels in batches:
            known = labels >= 0
            probabilities = predict({name: features[name][known] for name in member.encoder.inputs})
            found.append(probabilities[np.arange(known.sum()), labels[known]])
        columns.append(np.concatenate(found))
    return np.stack(columns, axis=1)
