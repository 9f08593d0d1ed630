"""Settings: every one is documented, and a wrong one is refused with a hint."""

from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from models.network_config import NetworkKind
from pipelines.settings import CONF, Settings, SettingsError, load_settings


def test_defaults_are_those_of_the_code() -> None:
    assert load_settings([]) == Settings()


def test_base_yaml_holds_every_setting() -> None:
    written = OmegaConf.to_container(OmegaConf.load(CONF / "base.yaml"))
    assert _names(written) == _names(OmegaConf.to_container(OmegaConf.structured(Settings)))


def _names(value: Any) -> Any:
    return {key: _names(inner) for key, inner in value.items()} if isinstance(value, dict) else None


def test_command_line_wins_over_preset_and_preset_over_base() -> None:
    settings = load_settings(["dataset=massive_ko", "data_root=/data", "input.columns.text=annot_utt"])
    assert settings.input.path == "/data/massive_ko/ko-KR.jsonl"
    assert (settings.input.columns.text, settings.input.columns.split) == ("annot_utt", "partition")


def test_a_task_says_what_its_labels_are() -> None:
    assert load_settings(["task=complaint"]).input.intents["report_*"] == "complaint"


@pytest.mark.parametrize("kind", NetworkKind)
def test_every_kind_of_network_has_a_recipe(kind: NetworkKind) -> None:
    assert load_settings([f"recipe={kind.value}"]).network.kind is kind


def test_a_recipe_of_ones_own_wins_over_the_defaults_and_the_command_line_over_it(tmp_path: Path) -> None:
    (tmp_path / "best.yaml").write_text("training: {epochs: 7, batch_size: 32}")
    settings = load_settings([f"recipe={tmp_path}/best.yaml", "training.batch_size=16"])
    assert (settings.training.epochs, settings.training.batch_size) == (7, 16)


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("training.epoch=3", "there is no setting training.epoch; did you mean training.epochs?"),
        ("trainin.epochs=3", "there is no setting trainin; did you mean training?"),
        ("training.epochs=many", "setting training.epochs: Value 'many' of type 'str' could not be converted"),
        ("dataset=kakao", "dataset: expected one of 3i4k, massive_ko, nsmc, songys_chatbot, received 'kakao'"),
        ("task=mood", "task: expected one of complaint, sentiment, received 'mood'"),
        ("recipe=bigruu", "recipe: expected one of bigru, bigru_attention, cnn, .*, received 'bigruu'"),
        ("recipe=nowhere/best.yaml", "recipe: expected a YAML file, found nothing at nowhere/best.yaml"),
        ("epochs", "expected section.key=value, received 'epochs'"),
    ],
)
def test_wrong_setting_is_refused_with_a_hint(override: str, line: str) -> None:
    with pytest.raises(SettingsError, match=line.replace("?", r"\?")):
        load_settings([override])


def test_typo_in_a_yaml_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("training: {epcohs: 3}")
    (tmp_path / "local.yaml").write_text("{}")
    with pytest.raises(SettingsError, match=r"did you mean training\.epochs\?"):
        load_settings([], folder=tmp_path)


def test_sections_are_frozen_data_classes() -> None:
    sections = [value for value in vars(Settings()).values() if not isinstance(value, str | dict)]
    assert all(is_dataclass(section) and type(section).__dataclass_params__.frozen for section in sections)  # type: ignore[attr-defined]
