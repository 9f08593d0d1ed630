"""Build what bots answer from: questions with their answers, or Markdown and HTML pages, made searchable.

    ./spark-submit.sh build_knowledge_base knowledge.path=faq.csv knowledge.format=csv       # columns question, answer
    ./spark-submit.sh build_knowledge_base knowledge.path=pages knowledge.format=markdown    # a folder a bot
    ./spark-submit.sh build_knowledge_base                       # what there is, with the champion's new vectors

Bots that the input does not have stay as they are; those that it has are answered from it alone. The same content gives
the same version, and is not built again. docs/knowledge.md has the details.
"""

from dataclasses import asdict
from datetime import timedelta

from jobs.job import Job, Summary, main, run_step
from pipelines import knowledge_building
from pipelines.errors import MalgilError
from pipelines.io.knowledge_store import (
    KIND,
    find_current_knowledge,
    publish_knowledge,
    publish_passages,
    read_knowledge,
    read_passages,
)
from pipelines.io.model_files import ModelFiles, version_id
from pipelines.io.raw_knowledge import PAGES, list_knowledge_files, read_pages, read_rows
from pipelines.io.registry import download_champions
from pipelines.io.sharded_versions import remove_old_versions
from pipelines.io.store import Manifest, content_id
from pipelines.io.tracking import connect_mlflow
from pipelines.knowledge import (
    RULES_VERSION,
    KnowledgeConfig,
    VectorSource,
    identify_contents,
    list_contents,
    make_page_passages,
    make_row_passages,
    merge_passages,
)

SECTIONS = ("mlflow", "knowledge")
_READING = (
    "format", "encoding", "bot_id", "columns", "own", "max_question_chars", "max_answer_chars", "passage_chars",
    "max_page_bytes",
)  # fmt: skip
_BUILDING = ("vector_weight", "analyzers", "max_token_passages", "max_wrong_share", "min_score", "samples")


def run(job: Job) -> Summary:
    steps = {}
    if job.settings.knowledge.path:
        steps["read_passages"] = run_step(job, "read_passages", _read)
    told = steps["read_passages"]["passages_id"] if steps else None
    return {**steps, **run_step(job, "build_knowledge_base", lambda step: _build(step, told))}


def _read(job: Job) -> Summary:
    """Passages of the input, in the store."""
    config = job.settings.knowledge
    listing = list_knowledge_files(config)
    output = content_id("passages", listing.fingerprint, _pick(config, _READING), RULES_VERSION)
    manifest = job.store.manifest("passages", output)
    standing = manifest
    if manifest is None:
        read, make = (read_pages, make_page_passages) if config.format in PAGES else (read_rows, make_row_passages)
        outcomes = make(read(job.spark, listing, config), config)
        origin = {"path": config.path, "files": len(listing.urls), "fingerprint": listing.fingerprint}
        manifest = publish_passages(job.store.made_from(**origin), output, outcomes)
    url, skipped = job.store.url("passages", output), standing is not None
    return {"passages_id": output, **manifest, "output": url, "skipped": skipped}


def _build(job: Job, told: str | None) -> Summary:
    config, before = job.settings.knowledge, find_current_knowledge(job.store)
    if before is None and told is None:
        raise MalgilError(
            "build_knowledge_base: expected a knowledge base in the store or an input, found neither; set "
            "knowledge.path and knowledge.format"
        )
    model = _find_model(job)
    basis = content_id(version_id(model) if model else "", _pick(config, _BUILDING), knowledge_building.RULES_VERSION)
    passages = read_knowledge(job.spark, job.store, before)
    if told:
        passages = merge_passages(passages, read_passages(job.spark, job.store, told), config)
    contents = list_contents(passages, basis=basis)
    version = f"kb-{content_id(identify_contents(contents), config.shards)}"
    is_standing = job.store.manifest(KIND, version) is not None
    facts = {
        "champion": version_id(model) if model else "", "made_at": job.now.isoformat(), "passages_id": told,
    }  # fmt: skip
    origin = {
        **({"passages": told} if told else {}), "versions": [f"{model.name}/{model.version}"] if model else [],
    }  # fmt: skip
    store = job.store.made_from(**origin, carried_over_from=before and before["version"])
    manifest = publish_knowledge(store, version, passages, contents, model, config, before=before, facts=facts)
    remove_old_versions(job.store, KIND, before=job.now - timedelta(hours=config.keep_hours))
    return _summarize(job, manifest, skipped=is_standing)


def _find_model(job: Job) -> ModelFiles | None:
    """The champion whose vectors are searched; None where there is none, or where none is wanted."""
    mlflow, source = job.settings.mlflow, job.settings.knowledge.vectors
    names = {VectorSource.reply: mlflow.reply_model, VectorSource.intent: mlflow.intent_model}
    if source not in names:
        return None
    return download_champions(connect_mlflow(mlflow), {source.value: names[source]}).get(source.value)


def _pick(config: KnowledgeConfig, names: tuple[str, ...]) -> dict[str, object]:
    return {name: value for name, value in asdict(config).items() if name in names}


def _summarize(job: Job, manifest: Manifest, *, skipped: bool) -> Summary:
    counts = ("bots", "built", "passages", "bytes", "right_share")
    return {
        "version": manifest["version"], "champion": manifest["champion"], **{name: manifest[name] for name in counts},
        "output": job.store.url(KIND, manifest["version"]), "skipped": skipped,
    }  # fmt: skip


if __name__ == "__main__":
    main(__file__, run, has_steps=True)
