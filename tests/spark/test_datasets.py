"""The presets on the real data sets: every row counted, held-out rows complete, so that figures compare."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from pipelines.cleaning import clean_messages
from pipelines.io.messages import publish_clean_messages
from pipelines.io.raw_messages import read_raw_messages
from pipelines.io.store import Store, StoreConfig
from pipelines.parsing import parse_messages
from pipelines.settings import load_settings

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"

pytestmark = pytest.mark.skipif(not DATA.exists(), reason="the data sets of ../shared/data are not here")


@pytest.mark.parametrize(
    ("dataset", "read", "held_out"),
    [
        ("massive_ko", 16_521, {"validation": 2_033, "test": 2_974}),
        ("3i4k", 61_255, {"test": 6_121}),
        ("songys_chatbot", 2 * 11_823, {}),  # a question and its answer are two messages
        ("nsmc", 662_404, {}),
    ],
)
def test_preset_reads_every_row_and_keeps_held_out_ones(
    spark: SparkSession, tmp_path: Path, dataset: str, read: int, held_out: dict[str, int]
) -> None:
    settings = load_settings([f"dataset={dataset}", f"data_root={DATA}"])
    raw = read_raw_messages(spark, settings.input)
    outcomes = clean_messages(parse_messages(raw, settings.input), settings.cleaning)
    manifest = publish_clean_messages(Store(StoreConfig(str(tmp_path))), "a1", outcomes, raw)
    unreadable = {"broken_json", "broken_csv", "invalid_utf8", "wrong_type", "unknown_split"}
    assert manifest["read"] == read == manifest["clean"] + sum(manifest["rejected"].values())
    assert {split: manifest["splits"].get(split) for split in held_out} == held_out
    assert not unreadable & set(manifest["rejected"])
