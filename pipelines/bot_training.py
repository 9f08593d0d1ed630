"""Heads of bots, trained side by side in Spark's tasks; the champion's encoder reads many bots' utterances at once."""

from collections.abc import Collection, Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame

from models.heads import train_head
from models.scope import known_share
from pipelines.bots import BOT, BotsConfig
from pipelines.io.model_files import ModelFiles
from pipelines.io.shared_model import SharedModel, share_model
from pipelines.prediction import PredictionConfig, shared_predictor

RULES_VERSION = 1  # raise it when a head of the same utterances becomes another one: all are then trained again

_BOTS_AT_ONCE = 32  # some thousand utterances: enough for the encoder, and little memory
_TASKS_A_SLOT = 4  # a task costs a third of a second; of several, the last ones are shared out more evenly
_UNTRAINED: dict[str, Any] = {
    "intents": None, "weights": None, "scope_threshold": None, "accuracy": None, "tested": 0, "right": 0,
}  # fmt: skip


def train_bots(
    bots: DataFrame, model: ModelFiles, config: BotsConfig, *, shards: Collection[int] | None = None
) -> DataFrame:
    """Rows of BOT with heads for those that are new; the others as they are. `shards`: the only ones, where known.

    The model is loaded once in each Python worker that has a new bot. A bot's head depends on its utterances, the
    model and the settings only.
    """
    spark, shared = bots.sparkSession, share_model(bots.sparkSession, model)
    files = config.shards if shards is None else len(shards)
    tasks = min(files, _TASKS_A_SLOT * spark.sparkContext.defaultParallelism)
    spread = bots.repartition(tasks, "shard").sortWithinPartitions("shard", "bot_id")
    return spread.mapInArrow(partial(_train_batches, shared, config), BOT)


def _train_batches(
    shared: SharedModel, config: BotsConfig, batches: Iterable[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for start in range(0, batch.num_rows, _BOTS_AT_ONCE):
            part = batch.slice(start, _BOTS_AT_ONCE)
            is_new = part.column("is_new")
            yield _replace_heads(part, shared, config) if pc.any(is_new).as_py() else part


def _replace_heads(bots: pa.RecordBatch, shared: SharedModel, config: BotsConfig) -> pa.RecordBatch:
    """The bots with heads for those that are new."""
    is_new = bots.column("is_new")
    heads = iter(_train_heads(bots.filter(is_new).column("utterances"), shared, config))
    rows = bots.select([*_UNTRAINED]).to_pylist()
    filled = [next(heads) if one else row for row, one in zip(rows, is_new.to_pylist(), strict=True)]
    columns = {
        name: pa.array([row[name] for row in filled], bots.schema.field(name).type)
        if name in _UNTRAINED
        else bots.column(name)
        for name in bots.schema.names
    }
    return pa.RecordBatch.from_arrays([*columns.values()], schema=bots.schema)


def _train_heads(utterances: pa.ListArray, shared: SharedModel, config: BotsConfig) -> Iterator[dict[str, Any]]:
    """What BOT holds of each bot's head."""
    told = utterances.flatten()
    predictor = shared_predictor(shared, PredictionConfig())
    seen = predictor.read(told.field("text").to_pylist())
    known = known_share(seen.ids)
    intents = told.field("intent").to_numpy(zero_copy_only=False)
    is_learned = told.field("is_learned").to_numpy(zero_copy_only=False)
    ends = np.cumsum(utterances.value_lengths().to_numpy(zero_copy_only=False))
    for rows in np.split(np.arange(len(told)), ends[:-1]):
        learned, tested = rows[is_learned[rows]], rows[~is_learned[rows]]
        names, labels = np.unique(intents[learned].astype(str), return_inverse=True)
        if len(learned) < config.min_utterances or len(names) < 2:
            yield _UNTRAINED
            continue
        trained = train_head(
            seen.features[learned], labels.astype(np.int32), known[learned], in_scope_share=config.in_scope_share
        )
        found = names[trained.head.predict(seen.features[tested]).argmax(axis=1)]
        yield {
            "intents": names.tolist(), "weights": trained.head.weights.astype(np.float16).tobytes(),
            "scope_threshold": trained.scope_threshold, "accuracy": trained.accuracy,
            "tested": len(tested), "right": int((found == intents[tested].astype(str)).sum()),
        }  # fmt: skip
