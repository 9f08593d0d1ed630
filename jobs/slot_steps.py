"""What follows the training of a network that finds slots: its numbers, the registered version, the champion."""

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from jobs.job import Job
from jobs.lineage import tagged_id
from jobs.promotions import carry_out
from pipelines.encoding import TextEncoder
from pipelines.feed import read_facts
from pipelines.io.model_files import LoadedModel
from pipelines.io.registry import champion, register_model, resolve
from pipelines.io.snapshots import read_encoder
from pipelines.io.tagged_snapshots import KIND, read_held_out
from pipelines.io.tracking import Tracking, TrainingRun, log_document, log_results
from pipelines.promotion import PromotionDecision
from pipelines.slot_filling import TRANSITIONS, SlotTagger, create_tagger, write_transitions
from pipelines.slot_promotion import decide_slot_promotion
from pipelines.tagging_measurement import HeldOutTexts, score_each_slot, score_slots
from pipelines.training import TrainingResult

if TYPE_CHECKING:  # TensorFlow: 4 s
    from models.tagger import Tagger

_F1 = "test_f1"  # tag of a version


@dataclass(frozen=True)
class MeasuredSlots:
    """A trained network that finds slots, and what that came to."""

    network: "Tagger"
    encoder: TextEncoder
    metrics: dict[str, float]
    by_slot: dict[str, Any]  # of the test split


def measure_slots(job: Job, result: TrainingResult) -> MeasuredSlots:
    """Entity F1 on validation and test."""
    from models.tagger import load_network  # TensorFlow: 4 s

    url, config = job.store.url(KIND, tagged_id(job)), job.settings.slot_filling
    facts, encoder = read_facts(url), read_encoder(job.store, url)
    network = load_network(facts.inputs, classes=facts.classes, config=config.network, weights_url=result.weights_url)
    model = LoadedModel(network.reader, encoder, job.settings.mlflow.slots_model, version="")
    tagger = create_tagger(model, network.transitions)
    metrics: dict[str, float] = {}
    by_slot: dict[str, Any] = {}
    for split in ("validation", "test"):
        found, by_slot = _measure(tagger, read_held_out(job.spark, url, split))
        metrics |= {f"{split}_{name}": value for name, value in found.items()}
    return MeasuredSlots(network, encoder, metrics, by_slot)


def register_slots(job: Job, run: TrainingRun, measured: MeasuredSlots) -> str:
    """The version, as challenger; its numbers are logged in the run, those of each slot as slots.json."""
    log_results(run, measured.metrics)
    log_document(run, "slots.json", measured.by_slot)
    return register_model(
        run, job.settings.mlflow.slots_model, network=measured.network.reader, encoder=measured.encoder,
        snapshot=tagged_id(job), metrics=measured.metrics,
        documents={TRANSITIONS: write_transitions(measured.network.transitions)},
    )  # fmt: skip


def promote_slots(job: Job, tracking: Tracking, version: str, metrics: dict[str, float]) -> PromotionDecision:
    """Make the version the champion where the rule says so; the decision stands on the version."""
    name = job.settings.mlflow.slots_model
    reigning = champion(tracking, name)
    of_champion = float(resolve(tracking, name, reigning).tags[_F1]) if reigning else None
    decision = decide_slot_promotion(metrics[_F1], of_champion, job.settings.slot_filling.promotion)
    carry_out(job, tracking, name, version, decision)
    return decision


def _measure(tagger: SlotTagger, held_out: HeldOutTexts) -> tuple[dict[str, float], dict[str, Any]]:
    """The numbers of a split, and those of each slot."""
    tagger.find(held_out.texts[:1])  # traces the network, which is no part of its speed
    started = time.monotonic()
    found = tagger.find(held_out.texts)
    rate = len(found) / (time.monotonic() - started)
    score = asdict(score_slots(held_out.spans, found))
    return {**score, "texts_per_s": rate}, score_each_slot(held_out.spans, found)
