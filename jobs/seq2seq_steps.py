"""What follows the training of a network that writes answers: its numbers, its samples, the registered version."""

import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.job import Job
from jobs.lineage import written_pairs_id
from pipelines.encoding import TextEncoder
from pipelines.feed import read_facts
from pipelines.io.model_files import LoadedModel, load_model
from pipelines.io.pair_snapshots import KIND, read_held_out
from pipelines.io.registry import download_champions, register_model
from pipelines.io.snapshots import read_encoder
from pipelines.io.tracking import Tracking, TrainingRun, log_page, log_results
from pipelines.replies import create_reply_predictor, read_response_set
from pipelines.reply_measurement import HeldOutPairs, load_pair_network
from pipelines.reply_samples import render_written
from pipelines.seq2seq import DECODER, create_writer
from pipelines.seq2seq_measurement import Written, measure_perplexity, score_chosen, score_written
from pipelines.training import TrainingResult
from pipelines.written_replies import writing_rules

if TYPE_CHECKING:  # TensorFlow: 4 s
    from models.seq2seq import Seq2seq


@dataclass(frozen=True)
class MeasuredWriting:
    """A trained network that writes answers, and what they came to."""

    network: "Seq2seq"
    encoder: TextEncoder
    metrics: dict[str, float]
    written: list[Written]  # to the test split's questions


def measure_writing(job: Job, tracking: Tracking, result: TrainingResult) -> MeasuredWriting:
    """Perplexities on validation and test, and what is written to the test split's questions."""
    from models.seq2seq import build_network  # TensorFlow: 4 s

    replies, url = job.settings.replies, job.store.url(KIND, written_pairs_id(job))
    network = load_pair_network(build_network, read_facts(url).inputs, replies.seq2seq.network, result.weights_url)
    encoder = read_encoder(job.store, url)
    vocabulary = encoder.features[0].vocabulary
    held_out = {split: read_held_out(job.spark, url, split) for split in ("validation", "test")}
    metrics: dict[str, float] = {}
    for split, pairs in held_out.items():
        perplexity = measure_perplexity(network, pairs, vocabulary)
        metrics |= {f"{split}_perplexity_{name}": value for name, value in asdict(perplexity).items()}
    model = LoadedModel(network.encoder, encoder, job.settings.mlflow.seq2seq_model, version="")
    writer = create_writer(model, network.decoder, writing_rules(replies))
    started = time.monotonic()
    texts = writer.suggest(held_out["test"].asked)
    metrics["test_written_per_s"] = len(texts) / (time.monotonic() - started)
    written = _beside_chosen(job, tracking, held_out["test"], texts)
    metrics |= {f"test_{name}": value for name, value in asdict(score_written(written)).items()}
    if any(one.chosen for one in written):
        metrics["test_chrf_chosen"] = score_chosen(written)
    return MeasuredWriting(network, encoder, metrics, written)


def register_writer(job: Job, run: TrainingRun, measured: MeasuredWriting) -> str:
    """The version, as challenger; its numbers and a page of samples are logged in the run.

    No rule makes it the champion: a person who read the samples does.
    """
    log_results(run, measured.metrics)
    log_page(run, "samples.html", render_written(measured.written))
    return register_model(
        run, job.settings.mlflow.seq2seq_model, network=measured.network.encoder, encoder=measured.encoder,
        snapshot=written_pairs_id(job), metrics=measured.metrics, parts={DECODER: measured.network.decoder},
    )  # fmt: skip


def _beside_chosen(job: Job, tracking: Tracking, pairs: HeldOutPairs, texts: list[list[str]]) -> list[Written]:
    """The texts beside what the dual encoder's champion would choose, were its trigger always open."""
    champion = download_champions(tracking, {"reply": job.settings.mlflow.reply_model}).get("reply")
    chosen: list[list[str]] = [[]] * len(texts)
    if champion:
        responses = replace(read_response_set(Path(champion.path)), threshold=0.0)
        predictor = create_reply_predictor(load_model(champion), responses, job.settings.replies.suggestions)
        chosen = predictor.suggest(pairs.asked)
    rows = zip(pairs.asked, pairs.answered, texts, chosen, strict=True)
    return [Written(asked, answered, tuple(ours), tuple(theirs)) for asked, answered, ours, theirs in rows]
