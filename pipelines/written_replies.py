"""Answers written by a registered network, as a column of predictions."""

from functools import lru_cache, partial

from pyspark.sql import DataFrame

from pipelines.io.model_files import ModelFiles, load_part
from pipelines.io.shared_model import SharedModel, load_shared_model, share_model, shared_path
from pipelines.replies import RepliesConfig, fill_replies
from pipelines.seq2seq import DECODER, Writer, WritingRules, create_writer


def add_written_replies(rows: DataFrame, model: ModelFiles, rules: WritingRules) -> DataFrame:
    """`rows` with `replies`, the written answers to their clean `text` that may be shown; other columns stay."""
    return fill_replies(rows, partial(_shared_writer, share_model(rows.sparkSession, model), rules))


def writing_rules(config: RepliesConfig) -> WritingRules:
    """Those of the settings."""
    return WritingRules(config.seq2seq.search, tuple(config.responses.blocklist), config.suggestions.count)


@lru_cache(maxsize=2)  # the model in use, and the one that it takes over from
def _shared_writer(shared: SharedModel, rules: WritingRules) -> Writer:
    loaded = load_shared_model(shared)
    files = ModelFiles(str(shared_path(shared)), shared.name, shared.version)
    return create_writer(loaded, load_part(files, DECODER), rules)
