"""Suggested replies on questions that training has not seen, beside TF-IDF, of songys_chatbot or another data set.

    python -m benchmarks.replies [--dataset songys_chatbot] [--data-root ../shared/data] [--seeds 0 1 2]
        [--folder var/benchmarks/replies] [--output result.json] [section.key=value …]

It runs the jobs themselves, clean_messages and train_reply, and reads the registered version's numbers from MLflow. The
yardsticks rank the same 100 candidates of the same held-out questions:

- nearest question: the answer whose training questions hold the one most like the new one, by the cosine of
  TF-IDF weights of runs of 1 to 4 characters (scikit-learn, char_wb, sublinear). An answer that training never saw
  scores 0: what retrieval of the nearest question can know.
- answer: the same cosine between the new question and the answer itself.
- both: the sum of the two, the strongest of them; it needs no training either.

Everything that has a choice (epochs, dropout, the trigger) was chosen on the validation split.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import TfidfVectorizer

from benchmarks.job_runs import locations, run_job
from benchmarks.results import write_results
from models.ranking import score_ranking
from pipelines.io.pair_snapshots import KIND, read_held_out
from pipelines.io.session import create_session
from pipelines.io.snapshots import read_snapshot
from pipelines.io.store import Store, StoreConfig
from pipelines.reply_measurement import HeldOutPairs, candidates_of
from udfs.screening import near_duplicate_key

TARGET_POINTS = 5.0  # of recall at 3, over the nearest question
_SHOWN = ("recall_at_1", "recall_at_3", "mean_reciprocal_rank", "coverage", "precision", "distinct_1", "distinct_2")

Scores = npt.NDArray[np.float64]


def main() -> None:
    """Train by the jobs, measure the yardsticks, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="songys_chatbot")
    parser.add_argument("--data-root", default="../shared/data")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--folder", type=Path, default=Path("var/benchmarks/replies"))
    parser.add_argument("--output", type=Path)
    arguments, settings = parser.parse_known_args()
    base = [*locations(arguments.folder.resolve()), f"dataset={arguments.dataset}"]
    base += [f"data_root={arguments.data_root}", *settings]
    run_job("clean_messages", base)
    seeds = ([f"replies.network.seed={seed}", f"training.seed={seed}"] for seed in arguments.seeds)
    runs = [run_job("train_reply", [*base, *seed]) for seed in seeds]
    yardsticks = measure_yardsticks(arguments.folder.resolve() / "store", runs[0]["snapshot"])
    results = {"runs": runs, "yardsticks": yardsticks, **summarize(runs, yardsticks)}
    _print_table(results)
    write_results(arguments.output, results)


def measure_yardsticks(store: Path, snapshot: str) -> dict[str, dict[str, Any]]:
    """Each lexical way's ranking of the test split's candidates."""
    spark = create_session("malgil-benchmark-replies", spark_master="local[2]")
    url = Store(StoreConfig(str(store))).url(KIND, snapshot)
    train = [(row["text"], row["reply"]) for row in read_snapshot(spark, url, "train").collect()]
    test = read_held_out(spark, url, "test")
    spark.stop()
    places = candidates_of(test)
    by_question, by_answer = _compare_lexically(train, test)
    ways = {"nearest question": by_question, "answer": by_answer, "both": by_question + by_answer}
    ranked = {name: np.take_along_axis(scores, places, axis=1) for name, scores in ways.items()}
    return {name: asdict(score_ranking(scores)) for name, scores in ranked.items()}


def summarize(runs: Sequence[Mapping[str, Any]], yardsticks: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    """The median over the seeds, and by how many points it is better than each yardstick."""
    names = [name for name in runs[0]["metrics"] if name.startswith("test_")]
    ours = {name.removeprefix("test_"): median(run["metrics"][name] for run in runs) for name in names}
    gains = {name: 100 * (ours["recall_at_3"] - found["recall_at_3"]) for name, found in yardsticks.items()}
    return {"dual encoder": ours, "gain_in_points": gains}


def _compare_lexically(train: Sequence[tuple[str, str]], test: HeldOutPairs) -> tuple[Scores, Scores]:
    """Of each test question to each test answer: the likeness of its most like training question, and its own."""
    vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4), sublinear_tf=True)
    vectorizer.fit([text for pair in train for text in pair])
    asked, answered = vectorizer.transform(test.asked), vectorizer.transform(test.answered)
    to_training = (asked @ vectorizer.transform([question for question, _ in train]).T).toarray()
    columns: dict[str, list[int]] = {}
    for column, (_, answer) in enumerate(train):
        columns.setdefault(near_duplicate_key(answer), []).append(column)
    by_question = np.zeros((len(test.asked), len(test.answered)))
    for place, answer in enumerate(test.answered):
        if known := columns.get(near_duplicate_key(answer)):
            by_question[:, place] = to_training[:, known].max(axis=1)
    return by_question, (asked @ answered.T).toarray()


def _print_table(results: Mapping[str, Any]) -> None:
    print(f"{'':<18}" + "".join(f"{name:>22}" for name in _SHOWN))
    for name, found in {**results["yardsticks"], "dual encoder": results["dual encoder"]}.items():
        print(f"{name:<18}" + "".join(f"{found[key]:>22.4f}" if key in found else f"{'':>22}" for key in _SHOWN))
    gain = results["gain_in_points"]["nearest question"]
    print(f"recall at 3 over the nearest question: {gain:+.1f} points (target: {TARGET_POINTS:+.1f})")


if __name__ == "__main__":
    main()
