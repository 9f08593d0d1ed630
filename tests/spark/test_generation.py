import json
from dataclasses import replace
from datetime import date
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from pipelines.generation import GeneratorConfig, generate_messages

DAY = date(2026, 5, 1)
CONFIG = GeneratorConfig(messages=1_700, long_text_chars=4_000)


def _lines(spark: SparkSession, config: GeneratorConfig) -> list[bytes]:
    return [bytes(row.value) for row in generate_messages(spark, config, DAY).collect()]


def test_the_lines_do_not_depend_on_the_partitions(spark: SparkSession) -> None:
    one = _lines(spark, replace(CONFIG, partitions=1))
    four = _lines(spark, replace(CONFIG, partitions=4))
    assert len(one) == CONFIG.messages
    assert one == four


def test_broken_rows_are_among_them(spark: SparkSession) -> None:
    lines = _lines(spark, CONFIG)
    whole = [line for line in lines if _parses(line)]
    assert 0 < len(lines) - len(whole) < 40
    assert any(b"\0" in line or b"\\u0000" in line for line in lines)
    assert max(map(len, lines)) > 4_000


def _parses(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line)["text"], str)
    except (ValueError, KeyError, TypeError):
        return False


def test_the_text_sink_keeps_every_byte(spark: SparkSession, tmp_path: Path) -> None:
    generate_messages(spark, CONFIG, DAY).select(F.col("value").cast("string")).write.text(str(tmp_path / "day"))
    read = spark.read.text(str(tmp_path / "day")).select(F.col("value").cast("binary").alias("value"))
    assert sorted(bytes(row.value) for row in read.collect()) == sorted(_lines(spark, CONFIG))
