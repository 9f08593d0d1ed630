"""Knowledge bases, built side by side in Spark's tasks: a file a bot, and a row that tells of it."""

import hashlib
import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import types as T

from models.files import read_bytes, write_bytes
from pipelines.io.model_files import ModelFiles
from pipelines.io.sharded_versions import ShardError
from pipelines.io.shared_model import SharedModel, share_model
from pipelines.knowledge import PASSAGE, KnowledgeConfig
from pipelines.passage_index import (
    PassageIndex,
    PassageTable,
    ReadSentences,
    SearchRules,
    ThresholdRules,
    build_index,
    find_threshold,
    write_index,
)
from pipelines.prediction import PredictionConfig, shared_predictor

RULES_VERSION = 1  # raise it when the same passages become another index: all are then built again

_STRING = T.StringType()
BASE = T.StructType(
    [
        T.StructField("bot_id", _STRING),
        T.StructField("content", _STRING),  # a hash of the passages and of what the index is made with
        T.StructField("file", _STRING),  # in the version's folder
        T.StructField("sha256", _STRING),
        T.StructField("passages", T.LongType()),
        T.StructField("bytes", T.LongType()),
        T.StructField("threshold", T.DoubleType()),  # the lowest score of an answer
        T.StructField("sampled", T.LongType()),  # questions that it comes from, badly written
        T.StructField("right_share", T.DoubleType()),  # of them, whose first answer is the right one
        T.StructField("is_new", T.BooleanType()),  # built for this version; else carried over
    ]
)
_TASKS_A_SLOT = 4
_FILES = "files"


@dataclass(frozen=True)
class _Building:
    """What a task builds with, and where to."""

    url: str  # of the version's folder
    search: SearchRules
    threshold: ThresholdRules
    model: SharedModel | None


def build_bases(passages: DataFrame, url: str, model: ModelFiles | None, config: KnowledgeConfig) -> DataFrame:
    """Rows of BASE, whose files are written below `url`, of passages under PASSAGE with their bot's `content`.

    A bot is built in one task, whole. Its file depends on its passages, the model and the settings alone, and writing
    it again changes nothing.
    """
    spark = passages.sparkSession
    building = _Building(
        url, SearchRules(tuple(config.analyzers), config.vector_weight, config.max_token_passages),
        ThresholdRules(config.samples, config.max_wrong_share, config.min_score),
        share_model(spark, model) if model else None,
    )  # fmt: skip
    tasks = _TASKS_A_SLOT * spark.sparkContext.defaultParallelism
    order = ["bot_id", "searched", "text", "source", "example"]
    spread = passages.repartition(tasks, "bot_id").sortWithinPartitions(*order)
    return spread.mapInArrow(partial(_build_batches, building), BASE)


def carry_over(bases: DataFrame, before: str, url: str) -> DataFrame:
    """Rows of BASE of another version, whose folder is `before`, with their files copied to this one's."""
    return bases.mapInArrow(partial(_copy_files, before, url), BASE)


def _copy_files(before: str, url: str, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for name in batch.column("file").to_pylist():
            content = read_bytes(posixpath.join(before, name))
            if content is None:
                raise ShardError(f"{before}: expected {name}, found nothing; run build_knowledge_base with its input")
            write_bytes(posixpath.join(url, name), content)
        carried = {"is_new": pa.array([False] * batch.num_rows)}
        columns = [carried.get(name, batch.column(name)) for name in batch.schema.names]
        yield pa.RecordBatch.from_arrays(columns, batch.schema.names)


def _build_batches(building: _Building, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for bot in _group_bots(batches):
        row = _build_bot(bot, building)
        columns = [pa.array([row[name]]) for name in BASE.fieldNames()]
        yield pa.RecordBatch.from_arrays(columns, BASE.fieldNames())


def _group_bots(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Each bot's rows, of batches that are sorted by bot."""
    held: list[pa.RecordBatch] = []
    for batch in batches:
        start = 0
        for end in _find_ends(batch.column("bot_id").to_pylist()):
            part = batch.slice(start, end - start)
            if held and held[0].column("bot_id")[0] != part.column("bot_id")[0]:
                yield pa.Table.from_batches(held)
                held = []
            held.append(part)
            start = end
    if held:
        yield pa.Table.from_batches(held)


def _find_ends(values: list[str]) -> Iterator[int]:
    """Where each run of equal values ends."""
    yield from (i for i in range(1, len(values)) if values[i] != values[i - 1])
    if values:
        yield len(values)


def _build_bot(bot: pa.Table, building: _Building) -> Mapping[str, Any]:
    """A row of BASE."""
    columns = {name: bot.column(name).to_pylist() for name in PASSAGE.fieldNames()}
    table = PassageTable(columns["searched"], columns["example"], columns["text"], columns["source"])
    read = _load_reader(building.model) if building.model else None
    index = build_index(table, read(table.searched) if read else None, building.search)
    judge = partial(find_threshold, examples=table.examples, rules=building.threshold)
    by_words = judge(index, read_sentences=None)
    chosen = judge(index, read_sentences=read) if read else by_words
    whole = replace(index, threshold=chosen.score, words_threshold=by_words.score)
    bot_id, content = columns["bot_id"][0], bot.column("content")[0].as_py()
    return {
        "bot_id": bot_id, "content": content, **_write_file(whole, content, building.url), "passages": index.passages,
        "threshold": chosen.score, "sampled": chosen.sampled, "right_share": chosen.right_share, "is_new": True,
    }  # fmt: skip


def _write_file(index: PassageIndex, content: str, url: str) -> dict[str, Any]:
    name, written = f"{_FILES}/{content}.npz", write_index(index)
    write_bytes(posixpath.join(url, name), written)
    return {"file": name, "sha256": hashlib.sha256(written).hexdigest(), "bytes": len(written)}


def _load_reader(model: SharedModel) -> ReadSentences | None:
    return shared_predictor(model, PredictionConfig()).read_sentences
