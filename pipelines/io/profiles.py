"""The profile of a version's predictions for its own test messages, in the store: what others are compared with."""

from collections import Counter

from pyspark.sql import SparkSession

from pipelines.io.model_files import ModelFiles, version_id
from pipelines.io.snapshots import read_snapshot
from pipelines.io.store import Store
from pipelines.traits import Profile, collect_profile, count_messages_traits

KIND = "profiles"


def profile_version(spark: SparkSession, store: Store, model: ModelFiles, snapshot: str) -> None:
    """Leave the version's profile on the test split of `snapshots/<snapshot>`, unless it stands."""
    if store.manifest(KIND, version_id(model)) is None:
        rows = read_snapshot(spark, store.url("snapshots", snapshot), "test")
        profile = collect_profile(count_messages_traits(rows, model).collect())
        origin = {"snapshots": snapshot, "versions": f"{model.name}/{model.version}"}
        store.made_from(**origin).publish(KIND, version_id(model), lambda _: {"traits": profile})


def read_profile(store: Store, output_id: str) -> Profile | None:
    """The profile of a version's files (`model_files.version_id`); None of one that was trained without."""
    manifest = store.manifest(KIND, output_id)
    return {trait: Counter(bins) for trait, bins in manifest["traits"].items()} if manifest else None
