"""Slots that a trained version finds, beside a plain CRF on morphemes and characters, of massive_ko or other data.

    python -m benchmarks.slots [--dataset massive_ko] [--data-root ../shared/data] [--recipe slots]
        [--folder var/benchmarks/slots] [--output result.json] [section.key=value …]

It runs the jobs themselves, clean_messages and train_slots, and reads the registered version's numbers. The yardstick
is python-crfsuite (L-BFGS, elastic net) on the same snapshot's rows without their copies: a first-order chain over the
same morphemes, with what is usual for one. Of two morphemes to each side: themselves and their tags; of three eojeols;
pairs of neighbours; the first and last one to three letters of the morpheme and its eojeol; every letter; blanks; kind
of letters. Its two penalties are chosen on the validation split among those of `_PENALTIES`, and the test split is read
once.

Sentences a second are of the test split in this process, one thread, morphemes found anew, by CPU time.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pycrfsuite

from benchmarks.job_runs import locations, run_job
from benchmarks.results import write_results
from pipelines.io.model_files import load_model
from pipelines.io.registry import download_model
from pipelines.io.session import create_session
from pipelines.io.shared_model import import_tensorflow
from pipelines.io.snapshots import read_snapshot
from pipelines.io.store import Store, StoreConfig
from pipelines.io.tagged_snapshots import KIND, read_held_out
from pipelines.io.tracking import MlflowConfig, connect_mlflow
from pipelines.slot_filling import create_tagger, read_transitions
from pipelines.tagging_measurement import HeldOutTexts, score_slots
from udfs.annotations import Span
from udfs.tagging_units import Unit, find_spans, list_aspects, read_units, tag_units

TARGET_POINTS = 3.0  # of entity F1, over the yardstick
_PENALTIES = ((0.3, 0.03), (0.1, 0.01))  # L1 and L2
_ITERATIONS = 60
_NEAR = range(-2, 3)
_EDGES = range(1, 4)  # letters of a beginning and of an ending

Features = list[list[str]]


@dataclass(frozen=True)
class Rows:
    """What the yardstick learns from, and what it is judged by."""

    train: HeldOutTexts
    validation: HeldOutTexts
    test: HeldOutTexts


def main() -> None:
    """Train by the jobs, train the yardstick, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="massive_ko")
    parser.add_argument("--data-root", default="../shared/data")
    parser.add_argument("--recipe", default="slots")
    parser.add_argument("--folder", type=Path, default=Path("var/benchmarks/slots"))
    parser.add_argument("--output", type=Path)
    arguments, settings = parser.parse_known_args()
    folder = arguments.folder.resolve()
    base = [*locations(folder), f"dataset={arguments.dataset}", f"data_root={arguments.data_root}", *settings]
    run_job("clean_messages", base)
    run = run_job("train_slots", [*base, f"recipe={arguments.recipe}"])
    rows = _read_rows(folder / "store", run["snapshot"])
    yardstick = measure_yardstick(rows)
    ours = {**run["metrics"], "test_sentences_per_cpu_s": _time_version(folder, run["version"], rows.test)}
    gain = 100 * (ours["test_f1"] - yardstick["test_f1"])
    results = {"run": run, "ours": ours, "yardstick": yardstick, "gain_in_points": gain}
    _print_table(results)
    write_results(arguments.output, results)


def measure_yardstick(rows: Rows) -> dict[str, Any]:
    """The chain with the penalties that suit validation best."""
    learned = list(_list_learned(rows.train))
    with tempfile.TemporaryDirectory() as folder:
        taggers = {penalties: _train(learned, penalties, Path(folder) / str(penalties)) for penalties in _PENALTIES}
        scores = {one: score_slots(rows.validation.spans, tag(rows.validation.texts)) for one, tag in taggers.items()}
        best = max(scores, key=lambda one: scores[one].f1)
        started = time.process_time()
        found = taggers[best](rows.test.texts)
        rate = len(found) / (time.process_time() - started)
    test = {f"test_{name}": value for name, value in asdict(score_slots(rows.test.spans, found)).items()}
    validation = {f"{c1}/{c2}": score.f1 for (c1, c2), score in scores.items()}
    return {
        "penalties": best, "validation_f1": scores[best].f1, "validation_f1_by_penalties": validation, **test,
        "test_sentences_per_cpu_s": rate,
    }  # fmt: skip


def describe_units(text: str, units: Sequence[Unit]) -> Features:
    """The yardstick's features of each unit."""
    words = [unit.text for unit in units]
    tags, eojeols, places = [unit.tag for unit in units], *(list_aspects(text, units)[n] for n in ("eojeols", "places"))
    return [
        [*_look_around(words, tags, eojeols, place), *_spell("w", words[place]), *_spell("e", eojeols[place]),
         *(f"c={letter}" for letter in set(words[place])), f"place={places[place]}", f"kind={_kind(words[place])}"]
        for place in range(len(units))
    ]  # fmt: skip


def _look_around(words: Sequence[str], tags: Sequence[str], eojeols: Sequence[str], place: int) -> Iterator[str]:
    def at(values: Sequence[str], offset: int) -> str:
        here = place + offset
        return values[here] if 0 <= here < len(values) else "^$"[here >= 0]

    yield "bias"
    for offset in _NEAR:
        yield from (f"w{offset}={at(words, offset)}", f"t{offset}={at(tags, offset)}")
    for offset in (-1, 0, 1):
        yield f"e{offset}={at(eojeols, offset)}"
    for offset in (-2, -1, 0, 1):
        yield f"ww{offset}={at(words, offset)}|{at(words, offset + 1)}"
    for offset in (-1, 0):
        yield f"tt{offset}={at(tags, offset)}|{at(tags, offset + 1)}"


def _spell(name: str, word: str) -> Iterator[str]:
    for letters in _EDGES:
        if len(word) >= letters:
            yield from (f"{name}^{word[:letters]}", f"{name}${word[-letters:]}")


def _kind(word: str) -> str:
    kind = "digits" if word.isdigit() else "latin" if word.isascii() else "hangul"
    return f"{kind}{min(len(word), 5)}"


def _list_learned(rows: HeldOutTexts) -> Iterator[tuple[Features, list[str]]]:
    for text, spans in zip(rows.texts, rows.spans, strict=True):
        units = read_units(text)
        tags = tag_units(units, spans)
        if units and tags:
            yield describe_units(text, units), tags


def _train(
    learned: Sequence[tuple[Features, list[str]]], penalties: tuple[float, float], file: Path
) -> Callable[[Sequence[str]], list[list[Span]]]:
    trainer = pycrfsuite.Trainer(verbose=False)
    trainer.set_params({"c1": penalties[0], "c2": penalties[1], "max_iterations": _ITERATIONS})
    for features, tags in learned:
        trainer.append(features, tags)
    trainer.train(str(file))
    tagger = pycrfsuite.Tagger()
    tagger.open(str(file))

    def find(texts: Sequence[str]) -> list[list[Span]]:
        units = [read_units(text) for text in texts]
        return [find_spans(one, tagger.tag(describe_units(text, one))) for text, one in zip(texts, units, strict=True)]

    return find


def _read_rows(store: Path, snapshot: str) -> Rows:
    spark = create_session("malgil-benchmark-slots", spark_master="local[2]")
    url = Store(StoreConfig(str(store))).url(KIND, snapshot)
    learned = read_snapshot(spark, url, "train").where("message_id not like '%~%'").orderBy("message_id").collect()
    texts, spans = [row["text"] for row in learned], [[Span(*span) for span in row["spans"]] for row in learned]
    rows = Rows(
        HeldOutTexts(tuple(texts), tuple(map(tuple, spans))),
        read_held_out(spark, url, "validation"),
        read_held_out(spark, url, "test"),
    )
    spark.stop()
    return rows


def _time_version(folder: Path, version: str, test: HeldOutTexts) -> float:
    import_tensorflow(threads=1)
    config = MlflowConfig(tracking_uri=f"sqlite:///{folder}/mlflow.db", cache=f"{folder}/models")
    files = download_model(connect_mlflow(config), config.slots_model, version)
    tagger = create_tagger(load_model(files), read_transitions(Path(files.path)))
    tagger.find(test.texts[:10])  # traces the network
    started = time.process_time()
    tagger.find(test.texts)
    return len(test.texts) / (time.process_time() - started)


def _print_table(results: Mapping[str, Any]) -> None:
    shown = ("validation_f1", "test_f1", "test_precision", "test_recall", "test_exact", "test_sentences_per_cpu_s")
    print(f"{'':<12}" + "".join(f"{name:>26}" for name in shown))
    for name, found in (("CRF", results["yardstick"]), ("malgil-slots", results["ours"])):
        print(f"{name:<12}" + "".join(f"{found[key]:>26.4f}" for key in shown))
    print(f"entity F1 over the CRF: {results['gain_in_points']:+.2f} points (target: {TARGET_POINTS:+.1f})")


if __name__ == "__main__":
    main()
