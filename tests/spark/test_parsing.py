"""Raw rows of every format to columns, and the reason of each that cannot be read."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import Row, SparkSession

from pipelines.errors import MalgilError
from pipelines.io.raw_messages import ColumnsConfig, InputConfig, add_source_lines, read_raw_messages
from pipelines.parsing import parse_messages

Parse = Callable[[InputConfig], list[Row]]


@pytest.fixture
def parse(spark: SparkSession) -> Parse:
    def run(config: InputConfig) -> list[Row]:
        raw = read_raw_messages(spark, config)
        return add_source_lines(parse_messages(raw, config), raw).orderBy("source_file", "source_line").collect()

    return run


BAD_LINES: dict[bytes, str | None] = {
    b'\xef\xbb\xbf{"text": "\xec\x95\x88\xeb\x85\x95"}': None,
    b'{"text": "a", "message_id": 7, "sent_at": "2026-05-01T10:00:00+09:00"}': None,
    b'{"text": "a", "sent_at": 1777597200000}': None,
    b"{broken": "broken_json",
    b'{"text": 5}': "wrong_type",
    b'{"text": ["a"]}': "wrong_type",
    b'{"text": "a", "room_id": {"x": 1}}': "wrong_type",
    b'{"text": "a", "sent_at": "yesterday"}': "wrong_type",
    b'{"text": "a", "sent_at": "17775.97.200"}': "wrong_type",
    b'{"text": "\xff\xfe"}': "invalid_utf8",
    b'{"text": "a\x00b"}': "nul_character",
    b'{"text": "a\\u0000b"}': "nul_character",
    b'{"message_id": "x"}': "missing_text",
    b'{"text": null}': "missing_text",
    b'{"text": "  "}': "missing_text",
    b"[]": "broken_json",
    b'{"text": "a", "split": "holdout"}': "unknown_split",
    b'{"text": "' + b"x" * 1_000_000 + b'"}': "too_long",
}


def test_every_bad_line_has_its_reason_and_stops_nothing(parse: Parse, tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_bytes(b"\n".join(BAD_LINES))
    rows = parse(InputConfig(path=str(tmp_path)))
    assert [row["problem"] for row in rows] == list(BAD_LINES.values())
    assert [row["source_line"] for row in rows] == list(range(1, len(BAD_LINES) + 1))


def test_times_are_read_as_iso_and_as_numbers(parse: Parse, tmp_path: Path) -> None:
    texts = ["2026-05-01T10:00:00+09:00", 1777597200, 1777597200000, " 1777597200.0 ", "+1.7775972e9", 1.7775972e12]
    (tmp_path / "log.jsonl").write_text("\n".join(json.dumps({"text": "a", "sent_at": t}) for t in texts))
    assert len({row["sent_at"] for row in parse(InputConfig(path=str(tmp_path)))}) == 1


def test_source_lines_count_blank_lines_and_go_on_over_blocks_of_a_large_file(
    spark: SparkSession, parse: Parse, tmp_path: Path
) -> None:
    lines = ["" if i % 10 == 9 else json.dumps({"text": f"말 {i}"}) for i in range(2_000)]
    (tmp_path / "log.jsonl").write_text("\n".join(lines))
    before = spark.conf.get("spark.sql.files.maxPartitionBytes")
    spark.conf.set("spark.sql.files.maxPartitionBytes", "4k")
    try:
        rows = parse(InputConfig(path=str(tmp_path)))
    finally:
        spark.conf.set("spark.sql.files.maxPartitionBytes", str(before))
    assert [(row["source_line"], row["text"]) for row in rows] == [
        (i + 1, f"말 {i}") for i in range(2_000) if i % 10 != 9
    ]


@pytest.mark.parametrize(
    ("file_format", "content"),
    [
        ("csv", '번호,문장,의도\n1,"안녕, 반가워",hello\n2,잘 가,bye,more\n'),
        ("tsv", "번호\t문장\t의도\n1\t안녕, 반가워\thello\n2\t잘 가\n"),
    ],
)
def test_csv_and_tsv_are_read_by_column_name(parse: Parse, tmp_path: Path, file_format: str, content: str) -> None:
    with gzip.open(tmp_path / "log.gz", "wt", encoding="utf8") as file:
        file.write(content)
    columns = ColumnsConfig(text="문장", intent="의도", message_id="번호")
    rows = parse(InputConfig(path=str(tmp_path / "log.gz"), format=file_format, columns=columns))
    assert [(row["message_id"], row["text"], row["intent"], row["problem"]) for row in rows[:1]] == [
        ("1", "안녕, 반가워", "hello", None)
    ]
    assert [row["problem"] for row in rows] == [None, "broken_csv"]
    assert [row["source_line"] for row in rows] == [2, 3]


def test_files_can_be_splits_and_labels_can_be_renamed(parse: Parse, tmp_path: Path) -> None:
    (tmp_path / "learn.txt").write_text("0\t가자\n9\t모름\n")
    (tmp_path / "exam.txt").write_text("1\t갈까\n")
    config = InputConfig(
        path=f"{tmp_path}/*.txt", format="tsv", header=False, columns=ColumnsConfig(text="_c1", intent="_c0"),
        split_by_file={"learn.txt": "train", "exam.txt": "test"}, intents={"0": "command", "1": "question"},
    )  # fmt: skip
    rows = [(row["text"], row["intent"], row["split"]) for row in parse(config)]
    assert rows == [("갈까", "question", "test"), ("가자", "command", "train"), ("모름", None, "train")]


def test_patterns_rename_labels_that_no_exact_name_does(parse: Parse, tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("text,intent\n가자,report_delay\n오자,report\n하자,a.c\n보자,abc\n자자,\n")
    intents = {"report_*": "complaint", "report": "note", "a.*": "dotted", "*": "other"}
    rows = parse(InputConfig(path=str(tmp_path / "log.csv"), format="csv", intents=intents))
    assert {row["text"]: row["intent"] for row in rows} == {
        "가자": "complaint", "오자": "note", "하자": "dotted", "보자": "other", "자자": None,
    }  # fmt: skip


def test_parquet_rows_are_typed_by_their_schema(spark: SparkSession, parse: Parse, tmp_path: Path) -> None:
    frame: Any = spark.createDataFrame([("a1", "안녕"), ("a2", None)], "id string, utt string").coalesce(1)
    frame.write.parquet(str(tmp_path / "log"))
    rows = parse(InputConfig(f"{tmp_path}/log", "parquet", columns=ColumnsConfig(text="utt", message_id="id")))
    assert [(r["message_id"], r["text"], r["problem"], r["source_line"]) for r in rows] == [
        ("a1", "안녕", None, 1),
        ("a2", None, "missing_text", 2),
    ]


def test_settings_that_fit_no_source_say_what_to_do(parse: Parse, tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("a,b\n1,2\n")
    with pytest.raises(MalgilError, match="expected a column 'text', found a, b; set"):
        parse(InputConfig(path=str(tmp_path), format="csv"))
    with pytest.raises(MalgilError, match="expected files, found none"):
        parse(InputConfig(path=str(tmp_path / "nothing")))
    with pytest.raises(MalgilError, match="expected one of jsonl, csv, tsv, parquet"):
        parse(InputConfig(path=str(tmp_path), format="xml"))
