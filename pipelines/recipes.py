"""A recipe as YAML, in the shape of conf/recipes: what `recipe=URL` takes again."""

from dataclasses import fields, is_dataclass
from typing import Any

import yaml
from omegaconf import OmegaConf

from pipelines.search_space import RUNNING, Recipe
from pipelines.training_set import TrainingSetConfig


def format_recipe(recipe: Recipe, training_set: TrainingSetConfig, *, comment: str) -> str:
    """YAML with the comment above it: the training set's settings, and those of the network and of training that
    results depend on.

    Defaults stand in it too, so that it means the same when they change. What is left out: how training runs (its
    ranks and the like), and the shapes of kinds of networks that it does not use.
    """
    network, training = _plain(recipe.network), _plain(recipe.training)
    for kind in (item.name for item in fields(recipe.network) if is_dataclass(getattr(recipe.network, item.name))):
        if kind != recipe.network.kind.value:
            del network[kind]
    for name in RUNNING:
        del training[name]
    sections = {"network": network, "training": training, "training_set": _plain(training_set)}
    text = yaml.safe_dump(sections, sort_keys=False, allow_unicode=True)
    return "".join(f"# {line}\n" for line in comment.splitlines()) + text


def _plain(section: Any) -> dict[str, Any]:
    return dict(OmegaConf.to_container(OmegaConf.structured(section), enum_to_str=True))  # type: ignore[arg-type]
