"""How often tokens stand near each other, counted by Spark: what GloVe is fitted to."""

from functools import partial

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from models.glove_config import CONTEXT, COUNT_SCALE, TOKEN
from models.vocabulary import FIRST_TOKEN_ID, Vocabulary
from udfs.columns import lift_batch

_VALIDATION_PERCENT = 1


def count_frequent(messages: DataFrame, *, min_count: int) -> DataFrame:
    """`token` of those in the rows' `tokens` that are seen so often, the most frequent first, ties by token."""
    counted = messages.select(F.explode("tokens").alias("token")).groupBy("token").count()
    return counted.where(F.col("count") >= min_count).orderBy(F.desc("count"), "token").select("token")


def count_cooccurrences(messages: DataFrame, vocabulary: Vocabulary, *, window: int) -> DataFrame:
    """`token, context` (array<int> of one id), `label` (how often, times COUNT_SCALE) and `split`.

    Tokens at a distance of d, up to `window`, count 1/d. Each pair stands there in both orders.
    """
    encode = lift_batch(partial(_encode, vocabulary), T.ArrayType(T.IntegerType()))
    numbered = messages.select(encode(F.col("tokens")).alias("ids"))
    near = F.concat(*[_pairs_at(F.col("ids"), distance) for distance in range(1, window + 1)])
    pairs = numbered.select(F.explode(near).alias("pair")).select("pair.*")
    known = pairs.where((F.col("left") >= FIRST_TOKEN_ID) & (F.col("right") >= FIRST_TOKEN_ID))
    lower, higher = F.least("left", "right").alias("left"), F.greatest("left", "right").alias("right")
    counted = known.groupBy(lower, higher).agg(F.sum("weight").cast("int").alias("label"))
    return _in_both_orders(counted)


def _encode(vocabulary: Vocabulary, token_lists: list[list[str]]) -> list[list[int]]:
    return [vocabulary.encode([tokens], len(tokens))[0].tolist() for tokens in token_lists]


def _pairs_at(ids: Column, distance: int) -> Column:
    """The pairs `left, right, weight` of ids that stand so far from each other."""
    count = F.greatest(F.size(ids) - distance, F.lit(0))
    weight = F.lit(round(COUNT_SCALE / distance)).alias("weight")
    return F.zip_with(
        F.slice(ids, 1, count),
        F.slice(ids, distance + 1, count),
        lambda left, right: F.struct(left.alias("left"), right.alias("right"), weight),
    )


def _in_both_orders(counted: DataFrame) -> DataFrame:
    there = F.struct(F.col("left").alias("token"), F.col("right").alias("context"))
    back = F.struct(F.col("right").alias("token"), F.col("left").alias("context"))
    ordered = counted.select("label", F.explode(F.array_distinct(F.array(there, back))).alias("pair"))
    is_held_out = F.pmod(F.xxhash64("pair.token", "pair.context"), F.lit(100)) < _VALIDATION_PERCENT
    return ordered.select(
        F.array("pair.token").alias(TOKEN),
        F.array("pair.context").alias(CONTEXT),
        "label",
        F.when(is_held_out, "validation").otherwise("train").alias("split"),
    )
