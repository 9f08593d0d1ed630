"""What follows the training of a reply network: its trigger and its numbers, the registered version, the champion."""

from dataclasses import asdict, dataclass, replace

from jobs.job import Job
from jobs.lineage import pairs_id
from jobs.promotions import carry_out
from models.ranking import RankingScore
from pipelines.encoding import TextEncoder
from pipelines.feed import read_facts
from pipelines.io.model_files import LoadedModel
from pipelines.io.pair_snapshots import KIND, read_held_out
from pipelines.io.registry import champion, register_model, resolve
from pipelines.io.response_sets import read_responses
from pipelines.io.snapshots import read_encoder
from pipelines.io.tracking import Tracking, TrainingRun, log_page, log_results
from pipelines.promotion import PromotionDecision
from pipelines.replies import RESPONSES, create_reply_predictor
from pipelines.reply_measurement import (
    Suggested,
    find_threshold,
    load_pair_network,
    measure_ranking,
    score_suggestions,
    suggest_all,
)
from pipelines.reply_promotion import decide_reply_promotion
from pipelines.reply_samples import render_samples
from pipelines.suggestions import ResponseSet
from pipelines.training import TrainingResult

_RECALL = "test_recall_at_3"  # tag of a version


@dataclass(frozen=True)
class MeasuredReplies:
    """A trained reply model with its answers, its trigger and what they came to."""

    model: LoadedModel
    responses: ResponseSet
    ranking: RankingScore  # on the test split
    metrics: dict[str, float]
    suggested: list[Suggested]  # to the test split's questions


def measure_replies(job: Job, result: TrainingResult) -> MeasuredReplies:
    """Choose the trigger on validation, then read the test split once."""
    from models.dual_encoder import answer_vectors, build_network, build_selector  # TensorFlow: 4 s

    config, url = job.settings.replies, job.store.url(KIND, pairs_id(job))
    network = load_pair_network(build_network, read_facts(url).inputs, config.network, result.weights_url)
    features, known = read_encoder(job.store, url).features, tuple(read_responses(job.spark, url))
    encoder = TextEncoder(features, tuple(response.text for response in known))
    selector = build_selector(network, answer_vectors(network, encoder.encode(encoder.intents)))
    model = LoadedModel(selector, encoder, job.settings.mlflow.reply_model, version="")
    unheld = create_reply_predictor(model, ResponseSet(known, threshold=0.0), config.suggestions)
    validation, test = (read_held_out(job.spark, url, split) for split in ("validation", "test"))
    threshold = find_threshold(suggest_all(unheld, validation), known, min_precision=config.trigger.min_precision)
    responses = ResponseSet(known, threshold)
    suggested = suggest_all(replace(unheld, responses=responses), test)
    ranking = measure_ranking(network, test)
    numbers = {**asdict(ranking), **asdict(score_suggestions(suggested, known))}
    metrics = {"threshold": threshold, **{f"test_{name}": value for name, value in numbers.items()}}
    metrics["validation_recall_at_3"] = measure_ranking(network, validation).recall_at_3
    return MeasuredReplies(model, responses, ranking, metrics, suggested)


def register_replies(job: Job, run: TrainingRun, measured: MeasuredReplies) -> str:
    """The version, as challenger; its numbers and a page of samples are logged in the run."""
    log_results(run, measured.metrics)
    log_page(run, "samples.html", render_samples(measured.suggested))
    documents = {RESPONSES: measured.responses.to_json()}
    return register_model(
        run, measured.model.name, network=measured.model.network, encoder=measured.model.encoder,
        snapshot=pairs_id(job), metrics=measured.metrics, documents=documents,
    )  # fmt: skip


def promote_reply(job: Job, tracking: Tracking, version: str, score: RankingScore) -> PromotionDecision:
    """Make the version the champion where the rule says so; the decision stands on the version."""
    name = job.settings.mlflow.reply_model
    reigning = champion(tracking, name)
    of_champion = float(resolve(tracking, name, reigning).tags[_RECALL]) if reigning else None
    decision = decide_reply_promotion(score, of_champion, job.settings.replies.promotion)
    carry_out(job, tracking, name, version, decision)
    return decision
