"""Where a Spark property comes from."""

from pathlib import Path

import pytest

from pipelines.errors import MalgilError
from pipelines.io.spark_properties import merge_properties, read_properties, write_properties


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    (tmp_path / "spark").mkdir()
    (tmp_path / "spark" / "live.conf").write_text("# how it starts\nspark.a   1\nspark.b 2\nspark.c 3\nspark.d 4\n")
    (tmp_path / "base.yaml").write_text("spark: {spark.b: base, spark.c: base, spark.d: base}\n")
    (tmp_path / "live.yaml").write_text("spark: {spark.c: true, spark.d: live}\n")
    return tmp_path


def test_the_command_line_wins_over_yaml_and_yaml_over_the_properties_file(conf: Path) -> None:
    merged = merge_properties("live", {"spark.d": "given"}, folder=conf)
    assert merged == {"spark.a": "1", "spark.b": "base", "spark.c": "true", "spark.d": "given"}


def test_a_stream_has_its_own_over_those_of_the_place_where_it_runs(conf: Path) -> None:
    (conf / "spark" / "stream.properties").write_text("spark.a stream\nspark.b stream\nspark.e stream\n")
    merged = merge_properties("live", {}, is_stream=True, folder=conf)
    assert merged == {"spark.a": "stream", "spark.b": "base", "spark.c": "true", "spark.d": "live", "spark.e": "stream"}


def test_properties_that_were_written_are_read_again(tmp_path: Path) -> None:
    properties = {"spark.driver.extraJavaOptions": "-Da=b -XX:+UseSerialGC", "spark.yarn.jars": "local:/spark/jars/*"}
    write_properties(tmp_path / "spark.conf", properties)
    assert read_properties(tmp_path / "spark.conf") == properties


def test_a_name_in_parts_is_refused(conf: Path) -> None:
    (conf / "live.yaml").write_text("spark: {executor: {instances: 8}}\n")
    with pytest.raises(MalgilError, match="expected whole names"):
        merge_properties("live", {}, folder=conf)
