from functools import partial

from pyspark.sql import Row, SparkSession
from pyspark.sql import types as T

from pipelines.schemas import EDITS
from udfs.columns import lift
from udfs.normalization import normalize_text
from udfs.screening import ScreeningConfig, clean_and_screen

CLEANED = T.StructType(
    [
        T.StructField("text", T.StringType()),
        T.StructField("key", T.StringType()),
        T.StructField("reason", T.StringType()),
        T.StructField("masks", T.IntegerType()),
        T.StructField("edits", EDITS),
    ]
)
normalize_column = lift(normalize_text, T.StringType())  # at import: no session is needed
clean_column = lift(partial(clean_and_screen, config=ScreeningConfig(min_chars=3)), CLEANED)
TEXTS = [("배송\u200b  언제요ㅠㅠㅠㅠ",), (None,), ("010-1234-5678로요",), ("네",)]


def test_lifts_a_rule_to_a_column_and_keeps_nulls(spark: SparkSession) -> None:
    texts = spark.createDataFrame(TEXTS, "raw string")
    rows = texts.select(normalize_column("raw").alias("text")).collect()
    assert [row.text for row in rows] == ["배송 언제요ㅠㅠ", None, "010-1234-5678로요", "네"]


def test_lifts_a_rule_with_several_results_to_a_struct(spark: SparkSession) -> None:
    texts = spark.createDataFrame(TEXTS, "raw string").coalesce(1)
    rows = texts.select(clean_column("raw").alias("cleaned")).select("cleaned.*").drop("edits").collect()
    assert rows == [
        Row(text="배송 언제요ㅠㅠ", key="배송언제요", reason=None, masks=0),
        Row(text=None, key=None, reason=None, masks=None),
        Row(text="[전화번호]로요", key="전화번호로요", reason=None, masks=1),
        Row(text="네", key="네", reason="too_short", masks=0),
    ]


def test_lifts_over_an_empty_table_and_numbers(spark: SparkSession) -> None:
    double = lift(lambda number: number * 2, T.LongType())
    numbers = spark.createDataFrame([(1,), (None,), (3,)], "number long").coalesce(1)
    assert [row[0] for row in numbers.select(double("number")).collect()] == [2, None, 6]
    empty = spark.createDataFrame([], "raw string")
    assert empty.select(clean_column("raw").alias("cleaned")).collect() == []
