"""Drift: PSI as it is defined, large where something changed, and not by chance."""

import math
from collections import Counter

import numpy as np
import pytest

from pipelines.drift import DriftConfig, measure_drift, stability_index
from pipelines.live_counts import Counts
from pipelines.live_drift import LiveDrift
from pipelines.traits import CONFIDENCE, INTENT, OUT_OF_SCOPE, UNKNOWN_TOKENS, Profile, Traits, count_traits

INTENTS = {"delivery": 500, "refund": 300, "greeting": 195, "complaint": 5}


def profile(trait: str, **bins: int) -> Profile:
    return {trait: Counter(bins)}


def psi(trait: str, before: dict[str, int], now: dict[str, int]) -> float:
    return measure_drift({trait: Counter(before)}, {trait: Counter(now)})[trait].psi


def test_it_is_the_sum_over_bins() -> None:
    found = stability_index([600, 400], [300, 700])
    expected = (0.3 - 0.6) * math.log(0.3 / 0.6) + (0.7 - 0.4) * math.log(0.7 / 0.4)
    assert found.psi == pytest.approx(expected, rel=0.01)
    assert stability_index([600, 400], [600_000, 400_000]).psi == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(("reference", "current"), [([5], [9]), ([0, 0], [1, 2]), ([1, 2], [0, 0])])
def test_without_rows_or_with_one_bin_there_is_none(reference: list[int], current: list[int]) -> None:
    assert stability_index(reference, current).psi == 0
    assert not stability_index(reference, current).is_large


@pytest.mark.parametrize(("bins", "rows"), [(2, 200), (20, 5_000), (60, 1_000), (60, 5_000)])
def test_where_nothing_changes_it_is_what_chance_brings(bins: int, rows: int) -> None:
    draw, known, windows = np.random.default_rng(7), 3_000, 2_000
    shares = draw.dirichlet(np.full(bins, 20.0))
    drawn = zip(draw.multinomial(known, shares, windows), draw.multinomial(rows, shares, windows), strict=True)
    found = [stability_index(before.tolist(), now.tolist()) for before, now in drawn]
    expected = (bins - 1) * (1 / known + 1 / rows)
    assert np.mean([one.psi for one in found]) == pytest.approx(expected, rel=0.1)
    assert np.mean([one.psi > one.by_chance for one in found]) <= 0.005
    assert not any(one.is_large for one in found)


@pytest.mark.parametrize(
    ("trait", "before", "now"),
    [
        (INTENT, INTENTS, {**INTENTS, "complaint": 500}),  # a rare one becomes frequent
        (INTENT, INTENTS, {**INTENTS, "delivery": 20}),
        (CONFIDENCE, {"08": 50, "18": 300, "19": 650}, {"03": 300, "08": 100, "18": 300, "19": 300}),
        (UNKNOWN_TOKENS, {"0": 1000}, {"0": 700, "2": 200, "4": 100}),  # which there were none of
        (OUT_OF_SCOPE, {"0": 950, "1": 50}, {"0": 600, "1": 400}),
    ],
)
def test_what_changes_is_large(trait: str, before: dict[str, int], now: dict[str, int]) -> None:
    found = measure_drift({trait: Counter(before)}, {trait: Counter(now)})[trait]
    assert found.psi > 0.25
    assert found.is_large
    assert psi(trait, before, before) < 0.001


def test_a_few_rows_are_never_large() -> None:
    reference, current = Counter({"delivery": 500, "refund": 500}), Counter({"delivery": 4, "refund": 0})
    found = measure_drift({INTENT: reference}, {INTENT: current})[INTENT]
    assert found.psi > 0.25
    assert not found.is_large


def test_what_only_one_side_has_is_not_compared() -> None:
    assert measure_drift(profile(INTENT, a=9), profile(CONFIDENCE, a=9)) == {}


class Stream:
    """What a live query has counted, and which versions predict."""

    def __init__(self) -> None:
        self.counts, self.versions = Counts(), {"7": "file7"}
        self.profiles: dict[str, Profile] = {"file7": self.collect("delivery", 900, "refund", 100)}
        config = DriftConfig(rows=100, window_s=60.0)
        self.drift = LiveDrift(lambda: self.counts.copy(), lambda: self.versions, self.profiles.get, config)

    @staticmethod
    def collect(*said: object) -> Profile:
        counts = count_traits(
            Traits(str(intent), 19, 0, False)
            for intent, rows in zip(said[::2], said[1::2], strict=True)
            for _ in range(int(str(rows)))
        )
        found: Profile = {}
        for (trait, name), count in counts.items():
            found.setdefault(trait, Counter())[name] = count
        return found

    def predict(self, version: str, *said: object) -> None:
        for trait, bins in self.collect(*said).items():
            self.counts.update({(f"{trait} {version}", name): count for name, count in bins.items()})


def test_a_window_is_judged_when_it_is_large_and_long_enough() -> None:
    stream = Stream()
    stream.drift.look(0)
    stream.predict("7", "delivery", 99)
    stream.drift.look(70)
    assert stream.drift.windows == {}
    stream.predict("7", "refund", 99)
    stream.drift.look(80)
    assert stream.drift.windows["7"].rows == 198
    assert stream.drift.windows["7"].is_large
    stream.predict("7", "delivery", 900, "refund", 100)
    stream.drift.look(100)
    assert stream.drift.windows["7"].rows == 198
    stream.drift.look(140)
    assert stream.drift.windows["7"].rows == 1000
    assert not stream.drift.windows["7"].is_large


def test_each_version_is_compared_with_its_own_profile_as_long_as_it_predicts() -> None:
    stream = Stream()
    stream.versions = {"7": "file7", "8": "file8", "9": "file9"}
    stream.profiles["file8"] = stream.collect("refund", 1000)
    stream.drift.look(0)
    for version in "789":
        stream.predict(version, "refund", 200)
    stream.drift.look(60)
    described = stream.drift.describe()
    assert (described["7"]["intent"] > 0.25, described["8"]["intent"], described["9"]) == (True, 0.0, None)
    stream.versions = {"8": "file8"}
    stream.drift.look(61)
    assert stream.drift.describe().keys() == {"8"}


def test_a_store_that_does_not_answer_is_asked_again() -> None:
    answers = iter([OSError("away"), None])

    def read_profile(_: str) -> Profile | None:
        answer = next(answers)
        if answer:
            raise answer
        return None

    drift = LiveDrift(Counts, lambda: {"7": "file7"}, read_profile, DriftConfig())
    drift.look(0)
    assert drift.describe() == {}
    drift.look(1)
    assert drift.describe() == {"7": None}
