"""Tokens as a column, with every analyzer; the JVM ones run in the Python workers as they do in a job."""

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from pipelines.tokenization import tokens_column
from udfs.analyzers import ANALYZERS, tokenize
from udfs.lossless import loses_nothing

TEXTS = ["어제 주문했어요 ㅠㅠ", "[전화번호]로 전화주세요", "추운데 배송이 늦네요", "", None]
ODD = [
    *("   ", "환불\n해\0주세요", "👍🏽안녕👨‍👩‍👧", "//S+요 +/+ //", "中國 漢字", "뷁쀍 ㄱㄴㄷ ㅏㅑ ㆍ", "[[이메일]]"),
    *("나는" * 30, "ㅋ" * 500, "a1" * 200, "아버지가방에들어가신다그래서주문한물건" * 6, "비싸서 받았어요 봐라"),
]
EXPECTED = {
    "okt": [
        ["어제", "주문", "했어요", "ㅠㅠ"],
        ["[전화번호]", "로", "전화", "주세요"],
        ["추운데", "배송", "이", "늦네요"],
    ],
    "komoran": [
        ["어제", "주문", "하", "았", "어요", "ㅠㅠ"],
        ["[전화번호]", "로", "전화", "주", "시", "어요"],
        ["춥", "ㄴ데", "배", "송이", "늦", "네요"],
    ],
    "hannanum": [
        ["어제", "주문", "하", "었어", "요", "ㅠㅠ"],
        ["[전화번호]", "로", "전화주세요"],
        ["춥", "은", "데", "배송", "이", "늦", "네요"],
    ],
    "kkma": [
        ["어제", "주문", "하", "었", "어요", "ㅠㅠ"],
        ["[전화번호]", "로", "전화", "주세", "요"],
        ["춥", "ㄴ데", "배송", "이", "늦", "네요"],
    ],
}


@pytest.mark.parametrize("analyzer", EXPECTED)
def test_a_jvm_analyzer_tokenizes_and_endures_odd_texts(spark: SparkSession, analyzer: str) -> None:
    messages = spark.createDataFrame([(text,) for text in TEXTS + ODD], "text string").coalesce(1)
    rows = messages.select(tokens_column(F.col("text"), analyzer).alias("tokens")).collect()
    assert [row.tokens for row in rows[: len(TEXTS)]] == [*EXPECTED[analyzer], [], []]
    seen = ["".join(c if c.isprintable() else " " for c in text) for text in ODD]
    assert [loses_nothing(text, row.tokens) for text, row in zip(seen, rows[len(TEXTS) :], strict=True)] == [
        True for _ in ODD
    ]


@pytest.mark.parametrize("analyzer", [name for name in ANALYZERS if name not in EXPECTED])
def test_a_column_holds_what_the_function_gives(spark: SparkSession, analyzer: str) -> None:
    messages = spark.createDataFrame([(text,) for text in TEXTS + ODD], "text string")
    result = messages.select(tokens_column(F.col("text"), analyzer).alias("tokens"))
    assert result.schema["tokens"].dataType == T.ArrayType(T.StringType(), containsNull=False)
    assert [row.tokens for row in result.collect()] == tokenize([t or "" for t in TEXTS + ODD], analyzer)


def test_an_unknown_analyzer_is_refused_before_anything_runs(spark: SparkSession) -> None:
    with pytest.raises(ValueError, match="received komorran; did you mean komoran"):
        tokens_column(F.col("text"), "komorran")
