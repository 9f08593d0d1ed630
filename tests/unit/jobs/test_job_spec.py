"""Job specs: what a YAML file says, and that a wrong one is refused with a hint."""

from pathlib import Path

import pytest

from jobs.job_spec import SPECS, JobSpec, list_specs, load_spec
from pipelines.errors import MalgilError
from pipelines.settings import load_settings


def test_every_spec_that_comes_along_can_be_run() -> None:
    specs = [load_spec(name) for name in list_specs()]
    assert [spec.job for spec in specs] == ["nightly"]
    for spec in specs:
        load_settings(spec.arguments, conf=spec.conf)


def test_the_example_holds_every_key() -> None:
    text = (SPECS / "nightly.yaml").read_text(encoding="utf8")
    assert [key for key in JobSpec.__dataclass_fields__ if f"\n{key}:" not in text] == []


def test_its_settings_are_those_of_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text(
        "job: nightly\n"
        "settings:\n"
        "  input: {path: 'hdfs://h:1/chat #1/day', columns: {text: 말}, intents: {'report_v1.*': '불만: 기타'}}\n"
        "  training: {epochs: 3}\n"
        "  generator: {day: '2026-05-01'}\n"
        "  training_set: {speakers: [agent, customer]}\n"
        "  spark: {spark.executor.memory: 4g, spark.yarn.queue: live}\n",
        encoding="utf8",
    )
    arguments = load_spec("shop", folder=tmp_path).arguments
    properties = [one for one in arguments if one.startswith("spark.")]
    settings = load_settings([one for one in arguments if one not in properties])
    assert properties == ["spark.executor.memory=4g", "spark.yarn.queue=live"]
    assert (settings.input.path, settings.input.columns.text) == ("hdfs://h:1/chat #1/day", "말")
    assert settings.input.intents == {"report_v1.*": "불만: 기타"}
    assert (settings.training.epochs, settings.generator.day) == (3, "2026-05-01")
    assert settings.training_set.speakers == ["agent", "customer"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("job: nightly\nretry: 3", "there is no key retry; did you mean retries?"),
        ("job: nigthly", "job: expected one of .*nightly.*, received 'nigthly'"),
        ("settings: {}", "job: expected one of .*, received ''"),
        ("job: nightly\nconf: mesos", "conf: expected local or yarn, received 'mesos'"),
        ("job: nightly\nretries: many", "retries: Value 'many' of type 'str' could not be converted to Integer"),
        ("job: nightly\nretries: -1", "retries: expected 0 or more, received -1"),
        ("job: nightly\nqueue: ../a", "queue: expected letters, digits, dot, dash and _, received '../a'"),
        ("job: [", "expected YAML, received: while parsing"),
    ],
)
def test_what_is_wrong_is_refused_with_the_files_name(text: str, line: str, tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text(text, encoding="utf8")
    with pytest.raises(MalgilError, match=rf"^{path}: {line}"):
        load_spec(str(path))


def test_a_spec_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(MalgilError, match="job spec 'nighty': expected one of nightly, or a YAML file"):
        load_spec("nighty")
