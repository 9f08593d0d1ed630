"""All settings, later ones winning: dataclass defaults, conf/base.yaml, conf/<conf>.yaml, presets, command line.

Presets are conf/datasets/<dataset>.yaml (where a known data set is and how it is read), conf/tasks/<task>.yaml (what
its labels are to tell) and conf/recipes/<recipe>.yaml (which network is trained, and how).
A section's dataclass stands beside the code that it is for; here they only come together.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigKeyError, OmegaConfBaseException

from models.files import read_bytes
from models.network_config import NetworkConfig
from models.training_config import TrainingConfig
from pipelines.bots import BotsConfig
from pipelines.cleaning import CleaningConfig
from pipelines.console import ConsoleConfig
from pipelines.distillation import DistillationConfig
from pipelines.drift import DriftConfig
from pipelines.embeddings import EmbeddingsConfig
from pipelines.errors import MalgilError
from pipelines.events import EventsConfig
from pipelines.feedback import FeedbackConfig
from pipelines.generation import GeneratorConfig
from pipelines.io.executors import YarnConfig
from pipelines.io.http_server import ServeConfig
from pipelines.io.kafka_topics import KafkaConfig
from pipelines.io.live_query import LiveConfig
from pipelines.io.model_slots import SlotsConfig
from pipelines.io.predictions import RedisConfig
from pipelines.io.raw_messages import InputConfig
from pipelines.io.store import StoreConfig
from pipelines.io.traced_messages import TraceConfig
from pipelines.io.tracking import MlflowConfig
from pipelines.knowledge import KnowledgeConfig
from pipelines.leaderboard import LeaderboardConfig
from pipelines.prediction import PredictionConfig
from pipelines.promotion import PromotionConfig
from pipelines.replies import RepliesConfig
from pipelines.setting_names import hint_at, setting_names
from pipelines.slot_filling import SlotFillingConfig
from pipelines.training_set import TrainingSetConfig
from pipelines.tuning import TuneConfig

INTENT = "intent"  # the task that predictions are about
CONF = Path(__file__).resolve().parents[1] / "conf"


class SettingsError(MalgilError):
    """A setting that does not exist or has a wrong value."""


@dataclass(frozen=True)
class Settings:
    """Every section, settings that stand for many (`dataset`, `data_root`, `task`, `recipe`), and Spark's (`spark`)."""

    dataset: str = ""  # a preset of conf/datasets: the input settings of a known data set
    data_root: str = "data"  # the folder that the preset's paths start from
    # YYYY-MM-DD, today or yesterday in Korea: {day} in input.path, the generated messages' day, the feedback's last one
    day: str = ""
    # what is trained: intent, or a preset of conf/tasks, whose models add `labels` to predictions
    task: str = INTENT
    recipe: str = ""  # a preset of conf/recipes, or the URL of a YAML file like them: network and training
    store: StoreConfig = field(default_factory=StoreConfig)
    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    input: InputConfig = field(default_factory=InputConfig)
    cleaning: CleaningConfig = field(default_factory=CleaningConfig)
    training_set: TrainingSetConfig = field(default_factory=TrainingSetConfig)
    embeddings: EmbeddingsConfig = field(default_factory=EmbeddingsConfig)
    network: NetworkConfig = field(default_factory=NetworkConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    distillation: DistillationConfig = field(default_factory=DistillationConfig)
    replies: RepliesConfig = field(default_factory=RepliesConfig)
    slot_filling: SlotFillingConfig = field(default_factory=SlotFillingConfig)
    tune: TuneConfig = field(default_factory=TuneConfig)
    mlflow: MlflowConfig = field(default_factory=MlflowConfig)
    leaderboard: LeaderboardConfig = field(default_factory=LeaderboardConfig)
    promotion: PromotionConfig = field(default_factory=PromotionConfig)
    slots: SlotsConfig = field(default_factory=SlotsConfig)
    bots: BotsConfig = field(default_factory=BotsConfig)
    knowledge: KnowledgeConfig = field(default_factory=KnowledgeConfig)
    prediction: PredictionConfig = field(default_factory=PredictionConfig)
    redis: RedisConfig = field(default_factory=RedisConfig)
    kafka: KafkaConfig = field(default_factory=KafkaConfig)
    live: LiveConfig = field(default_factory=LiveConfig)
    drift: DriftConfig = field(default_factory=DriftConfig)
    serve: ServeConfig = field(default_factory=ServeConfig)
    feedback: FeedbackConfig = field(default_factory=FeedbackConfig)
    trace: TraceConfig = field(default_factory=TraceConfig)
    events: EventsConfig = field(default_factory=EventsConfig)
    console: ConsoleConfig = field(default_factory=ConsoleConfig)
    yarn: YarnConfig = field(default_factory=YarnConfig)
    spark: dict[str, str] = field(default_factory=dict)  # properties over those of conf/spark/<conf>.conf


def load_settings(overrides: Sequence[str], *, conf: str = "local", folder: Path = CONF) -> Settings:
    """Settings for `section.key=value` overrides. Raises SettingsError, with the nearest key that exists."""
    for override in overrides:
        if "=" not in override:
            raise SettingsError(f"expected section.key=value, received {override!r}; see --help")
    given = _merge_all([_schema(), OmegaConf.from_dotlist(list(overrides))])
    layers = [folder / "base.yaml", folder / f"{conf}.yaml"]
    if given.dataset:
        layers.append(_preset(folder, "dataset", given.dataset))
    if given.task != INTENT:
        layers.append(_preset(folder, "task", given.task))
    loaded = [cast(DictConfig, OmegaConf.load(path)) for path in layers]
    if given.recipe:
        loaded.append(load_recipe(given.recipe, folder=folder))
    merged = _merge_all([_schema(), *loaded, OmegaConf.from_dotlist(list(overrides))])
    try:
        return cast(Settings, OmegaConf.to_object(merged))
    except OmegaConfBaseException as error:
        raise SettingsError(f"setting {error.full_key}: {error.msg}") from error


def load_recipe(recipe: str, *, folder: Path = CONF) -> DictConfig:
    """The settings of a preset's name, or of a YAML file's URL. Raises SettingsError where there is none."""
    if not recipe.endswith((".yaml", ".yml")):
        return cast(DictConfig, OmegaConf.load(_preset(folder, "recipe", recipe)))
    content = read_bytes(recipe)
    if content is None:
        raise SettingsError(f"recipe: expected a YAML file, found nothing at {recipe}")
    return cast(DictConfig, OmegaConf.create(content.decode()))


def _schema() -> DictConfig:
    schema = OmegaConf.structured(Settings)
    OmegaConf.set_readonly(schema, False)  # frozen dataclasses make it so, and merging needs it open
    return cast(DictConfig, schema)


def _merge_all(layers: Sequence[DictConfig]) -> DictConfig:
    try:
        return cast(DictConfig, OmegaConf.merge(*layers))
    except ConfigKeyError as error:
        raise SettingsError(_unknown(str(error.full_key))) from error
    except OmegaConfBaseException as error:
        reason = str(error.msg).splitlines()[0]
        raise SettingsError(f"setting {error.full_key}: {reason}; see --help") from error


def _unknown(key: str) -> str:
    return f"there is no setting {key}; {hint_at(key, setting_names(Settings))}"


def _preset(folder: Path, kind: str, name: str) -> Path:
    path = folder / f"{kind}s" / f"{name}.yaml"
    if not path.exists():
        known = ", ".join(sorted(file.stem for file in path.parent.glob("*.yaml")))
        raise SettingsError(f"{kind}: expected one of {known}, received {name!r}")
    return path
