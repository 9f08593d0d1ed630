"""Answers to messages from their bot's knowledge base: the one way from clean texts, and the transform of batches."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import types as T

from pipelines.io.knowledge_bases import KnowledgeBases, KnowledgeSource, shared_bases
from pipelines.io.model_files import ModelFiles
from pipelines.io.shared_model import SharedModel, share_model
from pipelines.passage_index import Answer, ReadSentences
from pipelines.prediction import PredictionConfig, shared_predictor
from pipelines.schemas import ANSWERS

_ADDED = (T.StructField("answers", ANSWERS), T.StructField("knowledge", T.StringType()))
_ARROW = pa.list_(pa.struct([("text", pa.string()), ("source", pa.string()), ("score", pa.float64())]))


def find_answers(
    bases: KnowledgeBases, texts: Sequence[str], bot_ids: Sequence[str | None], read_sentences: ReadSentences | None
) -> list[list[Answer] | None]:
    """The answers to each clean text, said to its bot, best first; None where the bot is answered from nothing.

    One call of the model for all texts, and of the knowledge bases one at a time is held beside those that are kept.
    """
    owners = {bot_id: bases.find_owner(bot_id) for bot_id in set(bot_ids)}
    found: list[list[Answer] | None] = [None if owners[bot_id] is None else [] for bot_id in bot_ids]
    asked = [i for i, text in enumerate(texts) if found[i] is not None and text.strip()]
    read = read_sentences([texts[i] for i in asked]) if asked and read_sentences else [None] * len(asked)
    vectors = dict(zip(asked, read, strict=True))
    for i in sorted(asked, key=lambda i: str(owners[bot_ids[i]])):
        index = bases.find(str(owners[bot_ids[i]]))
        found[i] = index.answer(texts[i], vectors[i], count=bases.rules.count)
    return found


def add_answers(rows: DataFrame, source: KnowledgeSource, model: ModelFiles | None) -> DataFrame:
    """`rows` with `answers` to their clean `text`, and the version that was asked, `knowledge`; other columns stay.

    `model` is the one whose vectors the version has; without it answers are found by words alone.
    """
    shared = share_model(rows.sparkSession, model) if model else None
    schema = T.StructType([*rows.schema.fields, *_ADDED])
    return rows.mapInArrow(partial(_answer_batches, source, shared), schema)


def _answer_batches(
    source: KnowledgeSource, shared: SharedModel | None, batches: Iterable[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    bases = shared_bases(source)
    read = shared_predictor(shared, PredictionConfig()).read_sentences if shared else None
    names = [field.name for field in _ADDED]
    for batch in batches:
        texts = [text or "" for text in batch.column("text").to_pylist()]
        found = find_answers(bases, texts, batch.column("bot_id").to_pylist(), read)
        answers = pa.array([[one._asdict() for one in row or []] for row in found], _ARROW)
        versions = pa.array([None if row is None else source.version.version for row in found], pa.string())
        yield pa.RecordBatch.from_arrays([*batch.columns, answers, versions], [*batch.schema.names, *names])
