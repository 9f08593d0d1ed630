"""From the registry's slots to a worker's models: the next one takes over, a bad one never predicts."""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import pytest

from pipelines.errors import MalgilError
from pipelines.io.followed_models import FollowedModels, ModelSource, following_models
from pipelines.io.live_releases import LiveNames, LiveReleases
from pipelines.io.model_releases import Release, read_release, write_release
from pipelines.io.model_slots import Slots, roll_back, stage, swap_slots
from pipelines.io.python_worker import keep_objects
from pipelines.io.registry import find_aliases, promote, register_model, rolled_back_at
from pipelines.io.slot_releases import SlotReleases
from pipelines.io.store import Store, StoreConfig
from pipelines.io.tracking import Tracking, start_run
from pipelines.prediction import PredictionConfig
from tests.tiny_model import ENCODER, INTENTS, build_tiny_model

MODEL = "malgil-releases"
NOW = datetime(2026, 5, 1, tzinfo=timezone.utc)
Follow = Callable[[SlotReleases], FollowedModels]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(StoreConfig(root=str(tmp_path)))


@pytest.fixture(scope="module")
def release(tracking: Tracking) -> Callable[..., str]:
    def release(seed: int, *, classes: int = len(INTENTS)) -> str:
        """A version as champion; with other classes than intents it fails its self-test."""
        run = start_run(tracking, f"releases-{seed}", parameters={}, tags={})
        network = build_tiny_model(seed=seed, classes=classes)
        version = register_model(run, MODEL, network=network, encoder=ENCODER, snapshot="5eed", metrics={})
        promote(tracking, MODEL, version)
        return version

    return release


@pytest.fixture
def follow() -> Iterator[Callable[[SlotReleases], FollowedModels]]:
    """Starts a worker's models; half of the rooms see what is staged."""
    started: list[FollowedModels] = []

    def follow(releases: SlotReleases) -> FollowedModels:
        source = ModelSource(releases.folder, 0.05, PredictionConfig(), 50)
        started.append(FollowedModels(source, after_change=keep_objects))
        return started[-1]

    yield follow
    for followed in started:
        followed.close()


def found(releases: SlotReleases) -> Release:
    release = read_release(releases.folder)
    assert release is not None
    return release


def wait(happens: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not happens():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_new_champion_takes_over_and_the_old_one_comes_back(
    tracking: Tracking, store: Store, release: Callable[..., str], follow: Follow
) -> None:
    first = release(1)
    releases = SlotReleases(tracking, store, MODEL)
    followed = follow(releases)
    assert (followed.current.production.name, followed.current.production.version) == (MODEL, first)

    second = release(2)
    releases.look()
    wait(lambda: followed.current.production.version == second)

    promote(tracking, MODEL, first)
    releases.look()
    wait(lambda: followed.current.production.version == first)
    assert releases.refused == {}


def test_a_server_frees_the_models_that_were_replaced(
    tracking: Tracking, store: Store, release: Callable[..., str]
) -> None:
    versions = [release(1), release(2)]
    releases = SlotReleases(tracking, store, MODEL)
    with following_models(ModelSource(releases.folder, 0.05, PredictionConfig())) as followed, no_own_collection():
        before = count_networks()
        for version in versions * 2:
            promote(tracking, MODEL, version)
            releases.look()
            wait(lambda wanted=version: followed.current.production.version == wanted)
        wait(lambda: count_networks() == before)


@contextmanager
def no_own_collection() -> Iterator[None]:
    """Inside, Python collects only when it is told to."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def count_networks() -> int:
    from keras import Model

    return sum(isinstance(found, Model) for found in gc.get_objects())


def test_a_version_that_fails_its_self_test_is_refused_and_the_old_one_stays(
    tracking: Tracking, store: Store, release: Callable[..., str], follow: Follow
) -> None:
    first = release(1)
    releases = SlotReleases(tracking, store, MODEL)
    followed, before = follow(releases), found(releases)
    useless = release(3, classes=3)

    releases.look()
    wait(lambda: (releases.look(), useless in releases.refused)[1])

    assert "its self-test expected 5 rows of 4 different intents" in releases.refused[useless]
    assert found(releases) == replace(before, standby=None)
    assert (followed.current.production.version, follow(releases).current.production.version) == (first, first)


def test_a_version_whose_files_were_changed_is_refused_before_it_is_released(
    tracking: Tracking, store: Store, release: Callable[..., str], follow: Follow
) -> None:
    release(1)
    releases = SlotReleases(tracking, store, MODEL)
    before = found(releases)
    changed = release(4)
    source = Path(tracking.client.get_model_version(MODEL, changed).source.removeprefix("file://"))
    (source / "encoder.json").write_text("{}")

    releases.look()

    assert "encoder.json has SHA-256" in releases.refused[changed]
    assert found(releases) == before


def test_a_worker_that_starts_with_a_bad_version_takes_the_standby(
    tracking: Tracking, store: Store, release: Callable[..., str], follow: Follow
) -> None:
    first = release(1)
    releases = SlotReleases(tracking, store, MODEL)
    release(5, classes=3)
    releases.look()
    assert follow(releases).current.production.version == first


def test_without_any_model_that_works_nothing_starts(
    tracking: Tracking, store: Store, release: Callable[..., str], follow: Follow
) -> None:
    release(6, classes=3)
    releases = SlotReleases(tracking, store, MODEL)
    with pytest.raises(MalgilError, match=r"^no model can predict: malgil-releases version \d+: its self-test"):
        follow(releases)
    with pytest.raises(MalgilError, match="malgil-nobody: expected a champion in the registry, found none"):
        SlotReleases(tracking, store, "malgil-nobody")


def test_files_that_were_changed_on_the_way_are_refused(
    tracking: Tracking, store: Store, release: Callable[..., str], follow: Follow
) -> None:
    release(1)
    releases = SlotReleases(tracking, store, MODEL)
    wanted = found(releases).production
    write_release(releases.folder, Release(replace(wanted, manifest_sha256="0" * 64)))
    with pytest.raises(MalgilError, match=r"no model can predict: .*manifest\.json has SHA-256"):
        follow(releases)


def test_files_of_versions_that_nobody_wants_any_more_are_removed(
    tracking: Tracking, store: Store, release: Callable[..., str], follow: Follow
) -> None:
    release(1)
    releases = LiveReleases(tracking, store, LiveNames(MODEL))
    for seed in (2, 7):
        release(seed)
        releases.look()
    kept = read_release(releases.folder)
    assert kept is not None
    assert kept.production is not None
    assert kept.standby is not None
    assert set(store.outputs("models")) == {kept.production.output_id, kept.standby.output_id}


def test_the_slots_change_places_without_loading_anything(
    tracking: Tracking, store: Store, release: Callable[..., str], follow: Follow
) -> None:
    second, first = release(2), release(1)
    releases = SlotReleases(tracking, store, MODEL, with_staging=True)
    followed = follow(releases)
    assert followed.current.staging is None

    assert stage(tracking, MODEL, second) == Slots(first, second)
    releases.look()
    wait(lambda: followed.current.staging is not None)
    before = followed.current
    assert before.staging is not None
    assert before.staging.version == second

    assert swap_slots(tracking, MODEL) == Slots(second, first)
    releases.look()
    wait(lambda: followed.current.production.version == second)
    assert (followed.current.production, followed.current.staging) == (before.staging, before.production)

    assert stage(tracking, MODEL, "") == Slots(second, None)
    releases.look()
    wait(lambda: followed.current.staging is None)
    with pytest.raises(MalgilError, match="expected another version in staging than in production, found nothing"):
        swap_slots(tracking, MODEL)


def test_a_staged_version_that_is_refused_leaves_its_rooms_to_production(
    tracking: Tracking, store: Store, release: Callable[..., str], follow: Follow
) -> None:
    useless, first = release(8, classes=3), release(1)
    releases = SlotReleases(tracking, store, MODEL, with_staging=True)
    followed = follow(releases)
    stage(tracking, MODEL, useless)
    wait(lambda: (releases.look(), useless in releases.refused)[1])
    releases.look()
    assert found(releases).staging is None
    assert (followed.current.production.version, followed.current.staging) == (first, None)
    stage(tracking, MODEL, "")


def test_a_roll_back_brings_the_champion_before_back_and_is_remembered(
    tracking: Tracking, release: Callable[..., str]
) -> None:
    first, second = release(1), release(2)
    assert find_aliases(tracking, MODEL)["previous"] == first

    assert roll_back(tracking, MODEL, NOW).production == first
    assert rolled_back_at(tracking, MODEL, second) == "2026-05-01T00:00:00+00:00"

    assert roll_back(tracking, MODEL, NOW).production == second
    assert rolled_back_at(tracking, MODEL, second) is None
