"""Further models beside the intent's: there when they are released, each refused or withdrawn without the others."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from pipelines.io.bots_store import bots_folder
from pipelines.io.followed_models import FollowedModels, ModelSource
from pipelines.io.knowledge_store import knowledge_folder
from pipelines.io.live_releases import LiveNames, LiveReleases
from pipelines.io.registry import CHAMPION, promote
from pipelines.io.store import Store, StoreConfig
from pipelines.io.tracking import Tracking
from pipelines.live_models import LiveModels
from pipelines.prediction import PredictionConfig
from pipelines.suggestions import SuggestionsConfig
from tests.bot_shards import use_version, write_heads
from tests.knowledge_files import write_knowledge
from tests.services.streams import MODEL, REPLY_MODEL, register, release, release_replier

COMPLAINT = "malgil-complaint"
NAMES = LiveNames(MODEL, reply=REPLY_MODEL, labels={"complaint": COMPLAINT, "mood": "malgil-mood"})


@pytest.fixture(scope="module")
def first(tracking: Tracking) -> str:
    return release(tracking, seed=1)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(StoreConfig(root=str(tmp_path)))


@pytest.fixture
def follow(store: Store) -> Iterator[Callable[[LiveReleases], FollowedModels]]:
    """Starts a worker's models."""
    started: list[FollowedModels] = []

    def follow(releases: LiveReleases) -> FollowedModels:
        source = ModelSource(
            releases.folder, 0.05, PredictionConfig(), tasks=tuple(NAMES.labels), suggestions=SuggestionsConfig(),
            bots=bots_folder(store), knowledge=knowledge_folder(store),
        )  # fmt: skip
        started.append(FollowedModels(source, after_change=lambda: None))
        return started[-1]

    yield follow
    for followed in started:
        followed.close()


def wait(releases: LiveReleases, happens: Callable[[], bool]) -> None:
    """Until it happens, while the driver looks."""
    deadline = time.monotonic() + 60
    while not happens():
        assert time.monotonic() < deadline, (releases.slots, releases.refused)
        releases.look()
        time.sleep(0.02)


def further(models: LiveModels) -> dict[str, str | None]:
    return {part: version for part, version in models.slots.items() if part not in ("production", "staging")}


def test_further_models_come_are_refused_and_go_without_touching_the_intents(
    tracking: Tracking, store: Store, first: str, follow: Callable[[LiveReleases], FollowedModels]
) -> None:
    releases = LiveReleases(tracking, store, NAMES)
    followed = follow(releases)
    intents = followed.current.production
    assert further(followed.current) == {}

    complaint, reply = release(tracking, 2, name=COMPLAINT), release_replier(tracking)
    wait(releases, lambda: further(followed.current) == {"reply": reply, "labels.complaint": complaint})
    assert further(follow(releases).current) == further(followed.current)
    before = followed.current

    useless = register(tracking, 3, classes=3, name=COMPLAINT)
    promote(tracking, COMPLAINT, useless)
    no_replier = register(tracking, 4, name=REPLY_MODEL)  # its files are whole, but there is no response set
    promote(tracking, REPLY_MODEL, no_replier)
    wait(releases, lambda: len(releases.refused) == 2)
    wait(releases, lambda: releases.slots == followed.current.slots)
    assert releases.refused[f"{REPLY_MODEL}/{no_replier}"] == "it cannot be loaded: FileNotFoundError"
    assert "its self-test expected 5 rows of 4 different intents" in releases.refused[f"{COMPLAINT}/{useless}"]
    assert followed.current == before
    assert further(follow(releases).current) == further(before)

    tracking.client.delete_registered_model_alias(REPLY_MODEL, CHAMPION)
    wait(releases, lambda: further(followed.current) == {"labels.complaint": complaint})
    assert releases.slots == {"production": first, "staging": None, "labels.complaint": complaint}
    assert followed.current.production is intents
    assert {output.rpartition("-")[0] for output in store.outputs("models")} == {
        f"{MODEL}-{first}", f"{COMPLAINT}-{complaint}",
    }  # fmt: skip


def test_a_further_model_without_any_version_that_works_leaves_its_part_empty(
    tracking: Tracking, store: Store, first: str, follow: Callable[[LiveReleases], FollowedModels]
) -> None:
    promote(tracking, "malgil-mood", register(tracking, 5, classes=3, name="malgil-mood"))
    releases = LiveReleases(tracking, store, NAMES)
    assert "labels.mood" in releases.slots
    followed = follow(releases)
    wait(releases, lambda: "labels.mood" not in releases.slots)
    assert (followed.current.production.version, "mood" in followed.current.labellers) == (first, False)

    version = release(tracking, 6, name="malgil-mood")
    wait(releases, lambda: followed.current.slots.get("labels.mood") == version)


def test_bots_are_predicted_by_the_heads_in_use_on_the_model_that_they_read(
    tracking: Tracking, store: Store, first: str, follow: Callable[[LiveReleases], FollowedModels], tmp_path: Path
) -> None:
    releases = LiveReleases(tracking, store, LiveNames(MODEL))
    followed = follow(releases)
    assert "bots" not in followed.current.slots
    head = {"shop": (["wait", "leave"], np.zeros((5, 2), np.float16))}
    for number, champion in (("1", followed.current.production.files_id), ("2", "another")):
        (tmp_path / "bots" / number).mkdir(parents=True)
        use_version(write_heads(tmp_path / "bots" / number, head, version=number, champion=champion))
        wait(releases, lambda number=number: followed.current.slots.get("bots") == number)
        heads = followed.current.find_heads(followed.current.production, ["shop", None])
        assert [*heads] == (["shop"] if number == "1" else [])


def test_messages_are_answered_from_the_knowledge_base_in_use(
    tracking: Tracking, store: Store, first: str, follow: Callable[[LiveReleases], FollowedModels], tmp_path: Path
) -> None:
    releases = LiveReleases(tracking, store, LiveNames(MODEL))
    followed = follow(releases)
    assert followed.current.find_answers(["배송 언제"], ["shop"]) == [None]
    for version, said in (("kb-1", "이틀"), ("kb-2", "사흘")):
        write_knowledge(tmp_path / "knowledge", {"shop": {"배송 언제 와요": said}}, version=version)
        wait(releases, lambda version=version: followed.current.slots.get("knowledge") == version)
        found, none = followed.current.find_answers(["배송 언제", "배송 언제"], ["shop", "other"])
        assert ([answer.text for answer in found or []], none) == ([said], None)
