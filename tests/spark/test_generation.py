import json
from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from pipelines.errors import MalgilError
from pipelines.generation import BotsConfig, GeneratorConfig, generate_bots, generate_messages

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


def test_taught_bots_have_intents_of_their_own_and_do_not_depend_on_the_partitions(spark: SparkSession) -> None:
    bots = BotsConfig(taught=3, utterances=20, held_out=5, min_intents=4, max_intents=6)
    one, two = (
        [json.loads(row.value) for row in generate_bots(spark, replace(CONFIG, bots=bots, partitions=n), DAY).collect()]
        for n in (1, 2)
    )
    assert one == two
    assert Counter((line["bot_id"], line["split"]) for line in one) == {
        (f"bot-{n:06d}", split): count for n in range(3) for split, count in (("train", 20), ("test", 5))
    }
    intents = [{line["intent"] for line in one if line["bot_id"] == f"bot-{n:06d}"} for n in range(3)]
    assert all(4 <= len(names) <= 6 for names in intents)
    assert not intents[0] & intents[1] & intents[2]
    assert len({line["message_id"] for line in one}) == len(one)


def test_more_intents_than_there_are_cannot_be_taught(spark: SparkSession) -> None:
    bots = BotsConfig(taught=1, max_intents=61)
    with pytest.raises(MalgilError, match=r"expected min_intents <= max_intents <= generator\.intents"):
        generate_bots(spark, replace(CONFIG, bots=bots), DAY)
