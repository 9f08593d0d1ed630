"""The settings that docs/scaling.md gives for clusters are settings that there are."""

import re
import shutil
from pathlib import Path

import pytest
import yaml

from pipelines.io.spark_properties import CONF, merge_properties
from pipelines.settings import load_settings

GUIDE = CONF.parent / "docs" / "scaling.md"
BLOCKS = re.findall(r"```yaml\n(.*?)```", GUIDE.read_text(encoding="utf8"), re.DOTALL)


@pytest.fixture(params=BLOCKS, ids=range(len(BLOCKS)))
def conf(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The project's conf folder with the block as conf/yarn.yaml."""
    folder = shutil.copytree(CONF, tmp_path / "conf")
    (folder / "yarn.yaml").write_text(request.param, encoding="utf8")
    return Path(folder)


def test_the_settings_load_and_the_properties_are_whole_names(conf: Path) -> None:
    given = yaml.safe_load((conf / "yarn.yaml").read_text(encoding="utf8"))
    settings, properties = load_settings([], conf="yarn", folder=conf), merge_properties("yarn", {}, folder=conf)

    assert settings.training.ranks == given["training"]["ranks"]
    assert all(properties[name] == str(value).lower() for name, value in given["spark"].items())


def test_the_ranks_have_slots_from_the_start(conf: Path) -> None:
    settings, properties = load_settings([], conf="yarn", folder=conf), merge_properties("yarn", {}, folder=conf)
    slots = int(properties["spark.executor.cores"]) // int(properties.get("spark.task.cpus", "1"))

    assert int(properties["spark.dynamicAllocation.minExecutors"]) * slots >= settings.training.ranks
    assert settings.training_set.min_shards >= settings.training.ranks


def test_the_guide_has_both_clusters() -> None:
    assert len(BLOCKS) >= 2
