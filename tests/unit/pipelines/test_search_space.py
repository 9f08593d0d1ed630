"""The search space: what is refused, what is drawn, and what a recipe of the drawn values trains with again."""

from pathlib import Path
from typing import Any

import optuna
import pytest
import yaml

from models.network_config import NetworkConfig, NetworkKind
from models.training_config import TrainingConfig
from pipelines.errors import MalgilError
from pipelines.recipes import format_recipe
from pipelines.search_space import DEFAULT_SPACE, Recipe, apply_settings, parse_space
from pipelines.settings import CONF, load_settings
from pipelines.training_set import TrainingSetConfig
from pipelines.tuning import Sampler, TuneConfig, build_sampler, count_wanted

BASE = Recipe(NetworkConfig(), TrainingConfig())
SPACE = {
    "training.learning_rate": {"low": 0.0005, "high": 0.005, "log": True},
    "network.kind": {"choices": ["cnn", "bigru"]},
    "network.embedding_size": {"low": 32, "high": 96, "step": 32},
}


def test_a_trial_draws_each_setting_from_its_range() -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    drawn = [{item.name: item.draw(trial) for item in parse_space(SPACE, BASE)} for trial in map(_ask, [study] * 30)]

    assert {values["network.kind"] for values in drawn} == {"cnn", "bigru"}
    assert {values["network.embedding_size"] for values in drawn} == {32, 64, 96}
    assert all(0.0005 <= float(values["training.learning_rate"]) <= 0.005 for values in drawn)


def test_the_default_space_is_the_one_of_the_guide() -> None:
    guide = (CONF.parent / "docs" / "tuning.md").read_text(encoding="utf8")

    assert [item.name for item in parse_space({}, BASE)] == list(DEFAULT_SPACE)
    assert yaml.safe_load(guide.split("```yaml\n")[1].split("```")[0]) == {"tune": {"space": DEFAULT_SPACE}}


def test_values_become_settings_of_their_type() -> None:
    recipe = apply_settings(BASE, {"network.kind": "bigru", "network.bigru.units": 64, "training.batch_size": 32})

    assert (recipe.network.kind, recipe.network.bigru.units) == (NetworkKind.bigru, 64)
    assert recipe.training == TrainingConfig(batch_size=32)
    assert BASE.network.kind is NetworkKind.cnn


@pytest.mark.parametrize(
    ("name", "given", "line"),
    [
        ("training.lerning_rate", {"low": 0.1, "high": 0.2}, "did you mean training.learning_rate?"),
        ("redis.ttl_s", {"low": 1, "high": 2}, "there is no setting redis.ttl_s of the network or of training"),
        ("training.ranks", {"choices": [1, 2]}, "training.ranks cannot be searched: trials must have it in common"),
        ("network.cnn.widths", {"choices": [[1, 2]]}, "expected a setting with one value"),
        ("network.dropout", 0.5, "expected {low: …, high: …} or {choices: […]}, received 0.5"),
        ("network.dropout", {"low": 0.1, "hihg": 0.5}, "expected low, high, step, log or choices, received 'hihg'"),
        ("network.dropout", {"low": 0.1}, "expected numbers for low and high"),
        ("network.dropout", {"low": "a", "high": 1}, "expected numbers for low and high"),
        ("network.dropout", {"low": 0.5, "high": 0.1}, "expected low below high, received 0.5 and 0.1"),
        ("network.dropout", {"low": 0.0, "high": 0.5, "log": True}, "expected low above 0 and no step where log"),
        ("network.dropout", {"low": 0.0, "high": 0.5, "step": 0}, "expected a step above 0"),
        ("network.embedding_size", {"low": 1.5, "high": 3}, "expected whole numbers"),
        ("network.kind", {"low": 1, "high": 3}, "expected {choices: […]}, as it is no number"),
        ("network.kind", {"choices": []}, "expected choices alone, a list with something in it"),
        ("network.kind", {"choices": ["cnn", "bigruu"]}, "tune.space: network.kind: Invalid value 'bigruu'"),
        ("training.batch_size", {"choices": ["many"]}, "tune.space: training.batch_size: Value 'many'"),
    ],
)
def test_a_wrong_range_is_refused_with_what_was_expected(name: str, given: Any, line: str) -> None:
    with pytest.raises(MalgilError) as caught:
        parse_space({name: given}, BASE)

    assert line in str(caught.value)
    assert str(caught.value).startswith("tune.space: ")


def test_a_network_with_learned_vectors_is_refused() -> None:
    with pytest.raises(MalgilError, match=r"^network\.embeddings: expected none"):
        parse_space({}, Recipe(NetworkConfig(embeddings="5eed"), TrainingConfig()))


def test_the_command_line_gives_a_space_of_its_own() -> None:
    settings = load_settings(["tune.space={network.dropout: {low: 0.3, high: 0.6}}", "tune.sampler=random"])

    assert settings.tune.space == {"network.dropout": {"low": 0.3, "high": 0.6}}
    assert settings.tune.sampler is Sampler.random


def test_a_grid_has_each_combination_once() -> None:
    config, space = TuneConfig(sampler=Sampler.grid, trials=50), parse_space({**SPACE, **GRID_RATE}, BASE)
    study = optuna.create_study(sampler=build_sampler(config, space, done=0))
    study.optimize(lambda trial: sum(len(str(item.draw(trial))) for item in space), n_trials=12)

    assert count_wanted(config, space) == 12
    assert len({tuple(trial.params.values()) for trial in study.trials}) == 12


GRID_RATE = {"training.learning_rate": {"low": 0.001, "high": 0.002, "step": 0.001}}


def test_a_grid_without_an_end_is_refused() -> None:
    with pytest.raises(MalgilError, match=r"a grid expected choices or a step for training\.learning_rate"):
        count_wanted(TuneConfig(sampler=Sampler.grid), parse_space(SPACE, BASE))


def test_random_trials_are_not_drawn_again_by_a_study_that_goes_on() -> None:
    config, space = TuneConfig(sampler=Sampler.random), parse_space({}, BASE)
    first, second = (optuna.create_study(sampler=build_sampler(config, space, done=done)) for done in (0, 1))

    assert space[0].draw(first.ask()) != space[0].draw(second.ask())


def test_a_recipe_is_read_again_as_it_was_written(tmp_path: Path) -> None:
    values = {"network.kind": "bigru", "training.learning_rate": 1e-05, "training.decay": "linear"}
    recipe, training_set = apply_settings(BASE, values), TrainingSetConfig(min_shards=3)
    (tmp_path / "best.yaml").write_text(format_recipe(recipe, training_set, comment="best of 3"), encoding="utf8")

    settings = load_settings([f"recipe={tmp_path}/best.yaml", "training.ranks=7"])
    assert settings.network == recipe.network
    assert settings.training == TrainingConfig(**{**vars(recipe.training), "ranks": 7})
    assert settings.training_set == training_set
    assert (tmp_path / "best.yaml").read_text(encoding="utf8").startswith("# best of 3\nnetwork:\n")


def _ask(study: optuna.Study) -> optuna.Trial:
    return study.ask()
