"""Answers from a knowledge base: how often the right one is found, how often nothing is said, and how long it takes.

    python -m benchmarks.knowledge [--data-root ../shared/data] [--split test] [--parts recall threshold speed]

The passages are songys_chatbot's questions, each a question with its answer. In a folder, which keeps the models for a
second run: the reply champion, trained on songys_chatbot's pairs of the training split, and an intent champion of
massive_ko. Queries are of a split that the reply model did not learn (validation is for choosing, test for telling).

- recall: each of the split's questions, written badly (1, 2 or 4 typing mistakes or blanks too many or too few; or 3 of
  the changes of udfs.augmentation), has its own passage to find among all. And as people wrote it, with its passage
  left out: where another question has the same answer, that one is to be found. By words alone in four ways, by vectors
  alone (exact), and by both, as predictions are made.
- threshold: an index without the split's questions. What its threshold does to questions that are in it (written badly)
  and to those that are not: the split's, whose answer it does not have, and massive_ko's, which are about other things.
- speed: 100,000 passages (the questions, and NSMC's reviews); the CPU of one message, its vector included, in one
  thread, the least of three passes over all messages; and how many of the nearest vectors the graph finds.
"""

import argparse
import csv
import gzip
import json
import os
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.dataset as ds
from threadpoolctl import threadpool_limits

from benchmarks.door import run_job
from benchmarks.results import write_results
from pipelines.io.registry import champion, download_model
from pipelines.io.store import Store, StoreConfig
from pipelines.io.tracking import MlflowConfig, Tracking, connect_mlflow
from pipelines.knowledge import KnowledgeConfig
from pipelines.passage_index import (
    PassageIndex,
    PassageTable,
    ReadSentences,
    SearchRules,
    ThresholdRules,
    build_index,
    find_threshold,
)
from udfs.augmentation import vary
from udfs.misspelling import misspell
from udfs.screening import clean_text, near_duplicate_key

Floats = npt.NDArray[np.float32]
GOAL_MS = 5.0
_PASSAGES = 100_000
_SPEED_QUERIES = 500
_PASSES = 3
_NEAREST = 10
_WEIGHTS = (0.1, 0.2, 0.3)
_NOISES: Mapping[str, Callable[[str, random.Random], str]] = {
    "1 mistake": lambda text, draw: misspell(text, draw, changes=1),
    "2 mistakes": lambda text, draw: misspell(text, draw, changes=2),
    "4 mistakes": lambda text, draw: misspell(text, draw, changes=4),
    "3 changes": lambda text, draw: vary(text, draw, changes=3),
}
_WORDS = {
    "BM25, morphemes": ("mecab_ko",),
    "BM25, character n-grams": ("character_ngrams",),
    "BM25, jamo n-grams": ("jamo_ngrams",),
    "BM25, both n-grams": ("character_ngrams", "jamo_ngrams"),
}


@dataclass(frozen=True)
class Questions:
    """Each question once, with its answer."""

    asked: Sequence[str]
    answered: Sequence[str]

    def table(self, places: Iterable[int] | None = None) -> PassageTable:
        chosen = range(len(self.asked)) if places is None else places
        asked, answered = [self.asked[i] for i in chosen], [self.answered[i] for i in chosen]
        return PassageTable(asked, asked, answered, [None] * len(asked))


def main() -> None:
    """Measure, print the tables, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-root", type=Path, default=Path("../shared/data"))
    parser.add_argument("--folder", type=Path, default=Path("var/benchmarks/knowledge"))
    parser.add_argument("--split", choices=("validation", "test"), default="test")
    parser.add_argument("--parts", nargs="*", default=["recall", "threshold", "speed"])
    parser.add_argument("--output", type=Path, help="a file for the numbers as JSON")
    arguments = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    folder, data = arguments.folder.resolve(), arguments.data_root.resolve()
    tracking = _train_models(folder, data)
    questions = read_questions(data)
    held_out = _find_held_out(folder, questions, arguments.split)
    readers = {"reply": _load_reader(tracking, "malgil-reply"), "intent": _load_reader(tracking, "malgil-intent")}
    parts: dict[str, Callable[[], Any]] = {
        "recall": lambda: measure_recall(questions, held_out, readers),
        "threshold": lambda: measure_threshold(questions, held_out, readers["reply"], _read_other_questions(data)),
        "speed": lambda: measure_speed(questions, held_out, readers["reply"], _read_reviews(data)),
    }
    found: dict[str, Any] = {"split": arguments.split, "passages": len(questions.asked), "questions": len(held_out)}
    for part in (part for part in parts if part in arguments.parts):
        found[part] = parts[part]()
        _print_part(part, found[part])
        write_results(arguments.output, found)


def measure_recall(
    questions: Questions, held_out: Sequence[int], readers: Mapping[str, ReadSentences]
) -> dict[str, dict[str, Any]]:
    """Recall at 1 and 3 and the mean reciprocal rank, by way and kind of query."""
    queries = {
        name: [noise(questions.asked[i], random.Random(f"{name} {questions.asked[i]}")) for i in held_out]
        for name, noise in _NOISES.items()
    }
    by_answer: dict[str, list[int]] = {}
    for place, answer in enumerate(questions.answered):
        by_answer.setdefault(near_duplicate_key(answer), []).append(place)
    same = [by_answer[near_duplicate_key(questions.answered[i])] for i in held_out]
    asked_again = [row for row, places in enumerate(same) if len(places) > 1]

    def measure(rank: Callable[[Sequence[str]], Iterator[npt.NDArray[np.intp]]]) -> dict[str, Any]:
        found = {
            name: _score(_find_first(row, {own}) for row, own in zip(rank(texts), held_out, strict=True))
            for name, texts in queries.items()
        }
        left_out = [(held_out[row], {*same[row]} - {held_out[row]}) for row in asked_again]
        ranked = rank([questions.asked[own] for own, _ in left_out])
        found["asked by another"] = _score(
            _find_first(row[row != own], others) for row, (own, others) in zip(ranked, left_out, strict=True)
        )
        return found

    ways = {name: measure(_rank_by(build_index(questions.table(), None, _rules(analyzers)), None))
            for name, analyzers in _WORDS.items()}  # fmt: skip
    for name, read in readers.items():
        vectors = read(questions.asked)
        ways[f"vectors of the {name} model"] = measure(partial(_read_and_rank, vectors, read))
        index = build_index(questions.table(), vectors, _rules(_WORDS["BM25, both n-grams"]))
        for weight in _WEIGHTS:
            weighted = replace(index, rules=replace(index.rules, vector_weight=weight))
            ways[f"both, {weight} of the {name} model"] = measure(_rank_by(weighted, read))
    return ways


def measure_threshold(
    questions: Questions, held_out: Sequence[int], read: ReadSentences, others: Sequence[str]
) -> dict[str, Any]:
    """What is answered, of questions that have their passage and of those that have none."""
    config, left_out = KnowledgeConfig(), {*held_out}
    known = [i for i in range(len(questions.asked)) if i not in left_out]
    table = questions.table(known)
    index = build_index(table, read(table.searched), _rules(tuple(config.analyzers)))
    answers = {near_duplicate_key(questions.answered[i]) for i in known}
    unknown = [questions.asked[i] for i in held_out if near_duplicate_key(questions.answered[i]) not in answers]
    found = {}
    for name, reader in (("with vectors", read), ("words alone", None)):
        rules = ThresholdRules(config.samples, config.max_wrong_share, config.min_score)
        chosen = find_threshold(index, table.examples, reader, rules)
        told = replace(index, threshold=chosen.score, words_threshold=chosen.score)
        draw = random.Random(1)
        sample = draw.sample(range(len(known)), 1_000)
        written = [misspell(table.examples[i], draw, changes=2) for i in sample]
        own = [questions.answered[known[i]] for i in sample]
        firsts = [row[0].text if row else None for row in _answer_all(told, written, reader)]
        found[name] = {
            "threshold": chosen.score, "in the base": len(sample),
            "in the base, answered": np.mean([one is not None for one in firsts]),
            "in the base, right": np.mean([one == right for one, right in zip(firsts, own, strict=True)]),
            "left out": len(unknown),
            "left out, answered": np.mean([bool(row) for row in _answer_all(told, unknown, reader)]),
            "about other things": len(others),
            "about other things, answered": np.mean([bool(row) for row in _answer_all(told, others, reader)]),
        }  # fmt: skip
    return {way: {key: round(float(value), 4) for key, value in one.items()} for way, one in found.items()}


def measure_speed(
    questions: Questions, held_out: Sequence[int], read: ReadSentences, reviews: Iterator[str]
) -> dict[str, Any]:
    """Milliseconds of CPU a message, and the graph's recall."""
    texts = [*questions.asked, *islice(reviews, _PASSAGES - len(questions.asked))]
    table = PassageTable(texts, texts, texts, [None] * len(texts))
    started = time.process_time()
    vectors = read(texts)
    read_s = time.process_time() - started
    index = build_index(table, vectors, _rules(tuple(KnowledgeConfig().analyzers)))
    built_s = time.process_time() - started - read_s
    queries = [misspell(questions.asked[i], random.Random(i), changes=2) for i in held_out[:_SPEED_QUERIES]]
    found: dict[str, Any] = {
        "passages": len(texts), "queries": len(queries), "vectors_s": round(read_s), "index_s": round(built_s),
        "mib": round(index.size / 2**20), "load": os.getloadavg()[0],
    }  # fmt: skip
    for name, reader in (("with vectors", read), ("words alone", None)):
        with threadpool_limits(1):  # NumPy's own threads would spin, which counts as CPU
            spent = [[_time_one(index, text, reader) for text in queries] for _ in range(_PASSES)]
        p50, p99 = np.percentile(np.min(spent, axis=0), (50, 99)).round(2)
        found[name] = {"p50_ms": float(p50), "p99_ms": float(p99)}
    asked = read(queries)
    if index.vectors is None:
        raise SystemExit("the reply model: expected vectors, found none")
    exact = (row[:_NEAREST] for row in _rank_exactly(vectors, asked))
    graph = [np.isin(index.vectors.find(one, 50), near).sum() for one, near in zip(asked, exact, strict=True)]
    found["nearest_found"] = round(float(np.mean(graph)) / _NEAREST, 4)
    return found


def read_questions(data: Path) -> Questions:
    """songys_chatbot's, clean; of questions that differ in signs and blanks only, the first one."""
    with (data / "songys_chatbot/ChatbotData.csv").open(encoding="utf8", newline="") as file:
        rows = [(clean_text(row["Q"]), clean_text(row["A"])) for row in csv.DictReader(file)]
    kept: dict[str, tuple[str, str]] = {}
    for asked, answered in rows:
        if asked and answered:
            kept.setdefault(near_duplicate_key(asked), (asked, answered))
    return Questions(*map(list, zip(*kept.values(), strict=True)))


def _train_models(folder: Path, data: Path) -> Tracking:
    mlflow = MlflowConfig(
        tracking_uri=f"sqlite:///{folder}/mlflow.db", artifact_root=f"{folder}/artifacts", cache=f"{folder}/models"
    )
    places = [f"mlflow.{name}={getattr(mlflow, name)}" for name in ("tracking_uri", "artifact_root", "cache")]
    settings = [f"store.root={folder}/store", *places]
    folder.mkdir(parents=True, exist_ok=True)
    tracking = connect_mlflow(mlflow)
    jobs = {
        ("malgil-reply", "songys_chatbot"): ("clean_messages", "train_reply"),
        ("malgil-intent", "massive_ko"): ("clean_messages", "build_training_set", "train_intent", "evaluate_intent"),
    }
    for (name, dataset), steps in jobs.items():
        if champion(tracking, name) is None:
            for step in steps:
                run_job(step, *settings, f"dataset={dataset}", f"data_root={data}")
    return tracking


def _find_held_out(folder: Path, questions: Questions, split: str) -> list[int]:
    """Places of the questions of a split, none of which the reply model has learned in any wording."""
    store = Store(StoreConfig(str(folder / "store")))
    (snapshot,) = store.outputs("pairs")

    def read_keys(name: str) -> set[str]:
        path = store.url("pairs", snapshot, name).removeprefix("file://")
        texts = ds.dataset(path, format="parquet").to_table(columns=["text"]).column("text").to_pylist()
        return {near_duplicate_key(text) for text in texts}

    chosen = read_keys(split) - read_keys("train")
    return [place for place, asked in enumerate(questions.asked) if near_duplicate_key(asked) in chosen]


def _load_reader(tracking: Tracking, name: str) -> ReadSentences:
    from pipelines.io.model_files import load_model
    from pipelines.io.shared_model import import_tensorflow
    from pipelines.prediction import PredictionConfig, create_predictor

    import_tensorflow(threads=1)
    read = create_predictor(load_model(download_model(tracking, name, "champion")), PredictionConfig()).read_sentences
    if read is None:
        raise SystemExit(f"{name}: expected a network with a sentence's vector, found none")
    return read


def _rules(analyzers: tuple[str, ...]) -> SearchRules:
    config = KnowledgeConfig()
    return SearchRules(analyzers, config.vector_weight, config.max_token_passages)


def _rank_by(
    index: PassageIndex, read: ReadSentences | None
) -> Callable[[Sequence[str]], Iterator[npt.NDArray[np.intp]]]:
    def rank(texts: Sequence[str]) -> Iterator[npt.NDArray[np.intp]]:
        vectors = read(texts) if read else [None] * len(texts)
        return (index.rank(text, vector).places for text, vector in zip(texts, vectors, strict=True))

    return rank


def _read_and_rank(vectors: Floats, read: ReadSentences, texts: Sequence[str]) -> Iterator[npt.NDArray[np.intp]]:
    return _rank_exactly(vectors, read(texts))


def _rank_exactly(vectors: Floats, asked: Floats) -> Iterator[npt.NDArray[np.intp]]:
    stored = vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(1e-9)
    return (np.argsort(-(stored @ one), kind="stable")[:100] for one in asked)


def _answer_all(index: PassageIndex, texts: Sequence[str], read: ReadSentences | None) -> list[list[Any]]:
    vectors = read(texts) if read else [None] * len(texts)
    return [index.answer(text, vector, count=1) for text, vector in zip(texts, vectors, strict=True)]


def _find_first(places: npt.NDArray[np.intp], right: set[int]) -> float:
    """The rank of the first right one; infinite where there is none."""
    return next((float(rank) for rank, place in enumerate(places.tolist()) if place in right), np.inf)


def _score(ranks: Iterable[float]) -> dict[str, float]:
    found = np.array([*ranks])
    return {
        "recall_at_1": round(float((found < 1).mean()), 4), "recall_at_3": round(float((found < 3).mean()), 4),
        "mrr": round(float((1 / (1 + found)).mean()), 4), "queries": len(found),
    }  # fmt: skip


def _time_one(index: PassageIndex, text: str, read: ReadSentences | None) -> float:
    started = time.process_time()
    index.answer(text, read([text])[0] if read else None, count=3)
    return (time.process_time() - started) * 1000


def _read_reviews(data: Path) -> Iterator[str]:
    with gzip.open(data / "nsmc/reviews.tsv.gz", "rt", encoding="utf8") as file:
        texts = (clean_text(line.rstrip("\n").split("\t")[-1]) for line in islice(file, 1, None))
        yield from (text for text in texts if 6 <= len(text) <= 80)


def _read_other_questions(data: Path) -> list[str]:
    with (data / "massive_ko/ko-KR.jsonl").open(encoding="utf8") as file:
        rows = [json.loads(line) for line in file]
    return [clean_text(row["utt"]) for row in rows if row["partition"] == "test"][:1_000]


def _print_part(part: str, found: Mapping[str, Any]) -> None:
    if part != "recall":
        print(json.dumps({part: found}, indent=1), flush=True)
        return
    kinds = [*next(iter(found.values()))]
    print(f"{'recall@1 recall@3 MRR':<32}" + "".join(f"{kind:>24}" for kind in kinds))
    for way, by_kind in found.items():
        cells = (f"{one['recall_at_1']:.4f} {one['recall_at_3']:.4f} {one['mrr']:.4f}" for one in by_kind.values())
        print(f"{way:<32}" + "".join(f"{cell:>24}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
