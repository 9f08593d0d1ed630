"""The door: what it lists, what it explains and what it refuses."""

import pytest

from jobs.__main__ import describe_settings, find_jobs, main


def test_jobs_are_listed_with_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    shown = capsys.readouterr().out
    assert set(find_jobs()) == {
        "generate_messages", "clean_messages", "build_training_set", "train_intent", "evaluate_intent",
        "predict_batch", "nightly",
    }  # fmt: skip
    assert "clean_messages        Clean raw chat logs" in shown


def test_help_shows_a_jobs_settings_with_defaults_and_comments() -> None:
    shown = describe_settings("clean_messages")
    assert "min_chars: 2  # fewer" in shown
    assert "dataset presets: 3i4k, massive_ko, nsmc, songys_chatbot" in shown
    assert "learning_rate" not in shown


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["nigthly"], "there is no job nigthly"),
        (["nightly", "--conf", "mesos"], "--conf: expected local, received 'mesos'"),
        (["nightly", "--conf"], "--conf: expected local, received ''"),
    ],
)
def test_what_does_not_exist_is_refused_before_spark_starts(
    arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert line in capsys.readouterr().err
