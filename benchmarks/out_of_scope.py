"""How well a model tells messages that it has no intent for: scores side by side, and what its threshold does.

    python -m benchmarks.out_of_scope [--inputs far near] [--data-root ../shared/data] [--output result.json]

Two inputs. Far: a model of kochat_intent's four intents against its out-of-scope part. Near: a model of massive_ko
without every fifth of its intents (by name) against the messages of those. Each model is trained by the jobs that users
run. The score is chosen on the choice side (validation rows against half of the far messages by their hash, or the dev
part of the near ones); the test side is read for the chosen score alone. AUROC, and the share of out-of-scope messages
that pass where 95 % of those in scope do (FPR at 95 % recall).
"""

import argparse
import csv
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import md5
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
from sklearn.metrics import roc_auc_score

from benchmarks.door import run_job
from benchmarks.results import write_results
from models.scope import known_share, score_scope
from pipelines.io.model_files import LoadedModel, load_model
from pipelines.io.registry import download_model
from pipelines.io.tracking import MlflowConfig, connect_mlflow
from udfs.screening import clean_text

if TYPE_CHECKING:
    from models.predictor import Predict

CHOSEN = "probability x known^(1/4)"
RECALL = 0.95
Scores = npt.NDArray[np.floating[Any]]
Row = dict[str, str]


@dataclass(frozen=True)
class Material:
    """What a model is trained on, and what it has no intent for."""

    rows: list[Row]  # text, intent and, where the source has one, split
    outside: Mapping[str, list[str]]  # "choice" and "test": texts
    settings: Sequence[str] = ()


@dataclass(frozen=True)
class Reader:
    """A version's ids and logits of texts."""

    model: LoadedModel
    predict: "Predict"

    def score(self, texts: Sequence[str]) -> dict[str, Scores]:
        """Each score of clean texts: the higher, the more they are in scope."""
        ids = self.model.encoder.encode(texts)
        logits = self.predict(ids).astype(np.float64)
        highest = logits.max(axis=1)
        energy = np.log(np.exp(logits - highest[:, None]).sum(axis=1)) + highest
        probability, known = np.exp(highest - energy), known_share(ids)
        return {
            "maximum probability": probability,
            "maximum logit": highest,
            "energy": energy,
            "share of known tokens": known,
            "probability x known": probability * known,
            CHOSEN: score_scope(ids, probability.astype(np.float32)),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", nargs="+", choices=MAKERS, default=[*MAKERS])
    parser.add_argument("--data-root", type=Path, default=Path("../shared/data"))
    parser.add_argument("--output", type=Path, help="a file for the numbers as JSON")
    arguments = parser.parse_args()
    results = {}
    for name in arguments.inputs:
        with tempfile.TemporaryDirectory(prefix="malgil-scope-") as folder:
            results[name] = measure(Path(folder), MAKERS[name](arguments.data_root))
        print_table(name, results[name])
    write_results(arguments.output, results)


def read_kochat(root: Path) -> Material:
    """Four intents, split by the texts' hash, and what belongs to none of them."""
    rows = [
        {"text": row["question"], "intent": row["label"]} for row in _read_csv(root / "kochat_intent/intent_data.csv")
    ]
    outside: dict[str, list[str]] = {"choice": [], "test": []}
    for row in _read_csv(root / "kochat_intent/ood_data.csv"):
        is_choice = md5(row["question"].encode()).digest()[0] % 2
        outside["choice" if is_choice else "test"].append(row["question"])
    return Material(rows, outside, ["training.epochs=6"])


def read_massive(root: Path) -> Material:
    """Every fifth intent by name is left out; the official split of both parts."""
    lines = (root / "massive_ko/ko-KR.jsonl").read_text(encoding="utf8").splitlines()
    rows = [{"text": row["utt"], "intent": row["intent"], "split": row["partition"]} for row in map(json.loads, lines)]
    left_out = sorted({row["intent"] for row in rows})[::5]
    outside = {
        side: [row["text"] for row in rows if row["intent"] in left_out and row["split"] == split]
        for side, split in (("choice", "dev"), ("test", "test"))
    }
    return Material([row for row in rows if row["intent"] not in left_out], outside, ["training.batch_size=64"])


def measure(folder: Path, material: Material) -> dict[str, Any]:
    """Every score on the choice side, and the chosen one on the test side with the version's own threshold."""
    reader, splits, trained = train(folder, material)
    learned = set(splits["train"])
    outside = {
        side: sorted({clean_text(text) for text in texts} - learned - {""}) for side, texts in material.outside.items()
    }
    inside = {"choice": reader.score(splits["validation"]), "test": reader.score(splits["test"])}
    found = {side: reader.score(texts) for side, texts in outside.items()}
    threshold = reader.model.encoder.scope_threshold
    test = inside["test"][CHOSEN], found["test"][CHOSEN]
    return {
        "rows": {"inside": len(splits["test"]), "outside": len(outside["test"])},
        "test_accuracy": trained["metrics"]["test_accuracy"],
        "choice": {name: compare(inside["choice"][name], found["choice"][name]) for name in found["choice"]},
        "test": compare(*test),
        "threshold": threshold,
        "passes": [round(float((scores >= threshold).mean()), 4) for scores in test],
    }


def train(folder: Path, material: Material) -> tuple[Reader, dict[str, list[str]], dict[str, Any]]:
    """The version that the jobs train on the material, the clean texts of its splits, and what train_intent said."""
    source = folder / "in_scope.jsonl"
    source.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in material.rows), encoding="utf8")
    mlflow = MlflowConfig(f"sqlite:///{folder}/mlflow.db", f"{folder}/artifacts", cache=f"{folder}/cache")
    settings = [
        f"input.path={source}", f"store.root={folder}/store", f"mlflow.tracking_uri={mlflow.tracking_uri}",
        f"mlflow.artifact_root={mlflow.artifact_root}", f"mlflow.cache={mlflow.cache}", *material.settings,
    ]  # fmt: skip
    run_job("clean_messages", *settings)
    built = run_job("build_training_set", *settings)
    trained = run_job("train_intent", *settings)
    files = download_model(connect_mlflow(mlflow), trained["model"], trained["version"])
    place = built["path"].removeprefix("file://")
    splits = {split: _read_texts(f"{place}/{split}") for split in ("train", "validation", "test")}
    return _open_reader(load_model(files)), splits, trained


def compare(inside: Scores, outside: Scores) -> dict[str, float]:
    """How well a score tells the two apart."""
    truth = np.concatenate([np.ones(len(inside)), np.zeros(len(outside))])
    passed = float((outside >= np.quantile(inside, 1 - RECALL)).mean())
    auroc = float(roc_auc_score(truth, np.concatenate([inside, outside])))
    return {"auroc": round(auroc, 4), "fpr_at_95_recall": round(passed, 4)}


def print_table(name: str, result: Mapping[str, Any]) -> None:
    print(f"{name}: {result['rows']['inside']} messages in scope, {result['rows']['outside']} out of it, "
          f"accuracy of the intents {result['test_accuracy']:.4f}")  # fmt: skip
    for score, numbers in result["choice"].items():
        print(f"  {score:28s} choice AUROC {numbers['auroc']:.4f}  FPR {numbers['fpr_at_95_recall']:.4f}")
    test, (inside, outside) = result["test"], result["passes"]
    print(f"  {CHOSEN:28s} test   AUROC {test['auroc']:.4f}  FPR {test['fpr_at_95_recall']:.4f}")
    print(f"  its threshold {result['threshold']:.4f} passes {inside:.4f} of those in scope, {outside:.4f} of others")


MAKERS: Mapping[str, Callable[[Path], Material]] = {"far": read_kochat, "near": read_massive}


def _open_reader(model: LoadedModel) -> Reader:
    import keras

    from models.predictor import compile_network

    logits = keras.Model(model.network.input, model.network.get_layer("calibrated_logits").output)
    return Reader(model, compile_network(logits, batch_rows=256))


def _read_csv(path: Path) -> list[Row]:
    with path.open(encoding="utf8", newline="") as file:
        return list(csv.DictReader(file))


def _read_texts(folder: str) -> list[str]:
    texts: list[str] = pq.read_table(folder, columns=["text"])["text"].to_pylist()
    return texts


if __name__ == "__main__":
    main()
