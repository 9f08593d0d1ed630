"""The model registry on a real MLflow with SQLite, and what a version's folder holds."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from models.network import build_network, with_probabilities
from models.network_config import NetworkConfig
from models.vocabulary import Vocabulary
from pipelines.encoding import Feature, TextEncoder
from pipelines.errors import MalgilError
from pipelines.io.model_files import file_sha256, write_model
from pipelines.io.registry import (
    LoadedModel,
    ModelFiles,
    ModelManifestError,
    UnknownModelError,
    champion,
    download_model,
    find_version,
    load_model,
    promote,
    register_model,
    tag_version,
)
from pipelines.io.tracking import Tracking, start_run

MODEL = "malgil-intent"
TEXTS = ["환불해 주세요", "배송이 언제 오나요?", "안녕하세요"]
ENCODER = TextEncoder(
    features=(
        Feature("characters", "characters", 12, Vocabulary(tuple("환불해주세요배송이언제오나안녕하"))),
        Feature("words", "characters", 8, Vocabulary(tuple("환불배송"))),
    ),
    intents=("delivery_delay", "greeting", "refund_request"),
)


@pytest.fixture(scope="module")
def network() -> Any:
    network = build_network(ENCODER.inputs, classes=len(ENCODER.intents), config=NetworkConfig(seed=3))
    return with_probabilities(network)


@pytest.fixture(scope="module")
def register(tracking: Tracking, network: Any) -> Callable[[str], str]:
    def register(training_id: str) -> str:
        run = start_run(tracking, training_id, parameters={}, tags={})
        return register_model(
            run,
            MODEL,
            network=network,
            encoder=ENCODER,
            snapshot="5eed",
            metrics={"validation_accuracy": 0.8},
        )

    return register


@pytest.fixture
def files(tmp_path: Path, network: Any) -> ModelFiles:
    write_model(tmp_path / "model", network=network, encoder=ENCODER)
    return ModelFiles(str(tmp_path / "model"), MODEL, "1")


def predict(model: LoadedModel) -> Any:
    return model.network.predict(model.encoder.encode(TEXTS), verbose=0)


def test_a_registered_model_predicts_as_before(
    tracking: Tracking, network: Any, register: Callable[[str], str]
) -> None:
    version = register("first")

    model = load_model(download_model(tracking, MODEL, "challenger"))

    assert (model.name, model.version, model.encoder) == (MODEL, version, ENCODER)
    np.testing.assert_array_equal(predict(model), network.predict(ENCODER.encode(TEXTS), verbose=0))


def test_a_training_has_one_version(tracking: Tracking, register: Callable[[str], str]) -> None:
    assert find_version(tracking, MODEL, training_id="twice") is None

    version = register("twice")

    assert register("twice") == version
    assert find_version(tracking, MODEL, training_id="twice") == version
    tags = tracking.client.get_model_version(MODEL, version).tags
    assert {key: tags[key] for key in ("training_id", "snapshot", "validation_accuracy")} == {
        "training_id": "twice",
        "snapshot": "5eed",
        "validation_accuracy": "0.8",
    }


def test_the_champion_is_the_one_that_was_promoted(tracking: Tracking, register: Callable[[str], str]) -> None:
    assert champion(tracking, "malgil-unknown") is None
    first, second = register("old"), register("new")

    promote(tracking, MODEL, first)
    assert download_model(tracking, MODEL, "champion").version == first

    promote(tracking, MODEL, second)
    tag_version(tracking, MODEL, second, {"test_accuracy": 0.75})
    assert champion(tracking, MODEL) == second
    assert tracking.client.get_model_version(MODEL, second).tags["test_accuracy"] == "0.75"


def test_an_unknown_version_names_those_there_are(tracking: Tracking, register: Callable[[str], str]) -> None:
    register("known")

    with pytest.raises(UnknownModelError, match=r"expected a version or alias of .*challenger.*1"):
        download_model(tracking, MODEL, "nightly")
    with pytest.raises(UnknownModelError, match="malgil-other: expected a version or alias of nothing"):
        download_model(tracking, "malgil-other", "champion")


def test_a_version_holds_no_pickle_and_needs_no_code_of_ours(files: ModelFiles) -> None:
    names = {file.relative_to(files.path).as_posix() for file in Path(files.path).rglob("*") if file.is_file()}

    assert names == {
        "MLmodel", "conda.yaml", "data/keras_module.txt", "data/model.keras", "encoder.json", "manifest.json",
        "python_env.yaml", "requirements.txt",
    }  # fmt: skip
    assert "models.network" not in (Path(files.path) / "data" / "model.keras").read_bytes().decode("latin-1")


@pytest.mark.parametrize("name", ["data/model.keras", "encoder.json", "MLmodel"])
def test_a_changed_file_is_named(files: ModelFiles, name: str) -> None:
    path = Path(files.path) / name
    path.write_bytes(path.read_bytes() + b" ")

    with pytest.raises(ModelManifestError, match=f"{name} has SHA-256 .*, expected"):
        load_model(files)


def test_a_missing_file_is_named(files: ModelFiles) -> None:
    (Path(files.path) / "encoder.json").unlink()

    with pytest.raises(ModelManifestError, match=r"encoder\.json is missing"):
        load_model(files)


def test_a_file_that_nobody_registered_is_named(files: ModelFiles) -> None:
    (Path(files.path) / "data" / "extra.json").write_text("{}")

    with pytest.raises(ModelManifestError, match=r"data/extra\.json is not in the manifest"):
        load_model(files)


def test_a_pickle_is_refused_even_if_the_manifest_names_it(files: ModelFiles) -> None:
    path, manifest = Path(files.path) / "data" / "extra.pkl", Path(files.path) / "manifest.json"
    path.write_bytes(b"cos\nsystem\n.")
    hashes = {**json.loads(manifest.read_text()), "data/extra.pkl": file_sha256(path)}
    manifest.write_text(json.dumps(hashes))

    with pytest.raises(ModelManifestError, match=r"expected no file that can carry code, found data/extra\.pkl"):
        load_model(files)


def test_a_changed_manifest_is_found_on_download(tracking: Tracking, register: Callable[[str], str]) -> None:
    cached = download_model(tracking, MODEL, register("tampered"))
    manifest = Path(cached.path) / "manifest.json"
    manifest.write_text(manifest.read_text() + " ")

    with pytest.raises(ModelManifestError, match=r"manifest\.json has SHA-256"):
        download_model(tracking, MODEL, cached.version)


def test_files_that_are_gone_are_named(tracking: Tracking, register: Callable[[str], str]) -> None:
    version = register("gone")
    source = tracking.client.get_model_version(MODEL, version).source
    shutil.rmtree(str(source).removeprefix("file://"))

    with pytest.raises(ModelManifestError, match=f"malgil-intent version {version}: expected its files at file://"):
        download_model(tracking, MODEL, version)


def test_a_lambda_layer_is_not_registered(tmp_path: Path, network: Any) -> None:
    import keras

    layer = keras.layers.Lambda(lambda probabilities: probabilities * 1.0)
    with_lambda = keras.Model(network.input, layer(network.output))

    with pytest.raises(MalgilError, match="expected no Lambda layer, found one"):
        write_model(tmp_path / "model", network=with_lambda, encoder=ENCODER)


def test_mlflow_serves_the_version_in_spark_without_our_code(spark: SparkSession, files: ModelFiles) -> None:
    import mlflow.pyfunc

    encoded = ENCODER.encode(TEXTS)
    rows = [(i, *(encoded[name][i].tolist() for name in encoded)) for i in range(len(TEXTS))]
    messages = spark.createDataFrame(rows, "id int, characters array<int>, words array<int>")
    predict_udf = mlflow.pyfunc.spark_udf(spark, f"file://{files.path}", result_type="array<float>")

    features = F.struct("characters", "words")
    found = messages.select("id", predict_udf(features).alias("p")).coalesce(1).orderBy("id").collect()

    expected = predict(load_model(files))
    np.testing.assert_allclose([row["p"] for row in found], expected, atol=1e-6)
