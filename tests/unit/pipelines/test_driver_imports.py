"""The driver starts fast: it predicts and writes without TensorFlow, Keras, MLflow or an analyzer."""

import subprocess
import sys

HEAVY = ["tensorflow", "keras", "mlflow", "horovod", "konlpy", "jpype", "kiwipiepy"]


def test_prediction_and_its_sinks_import_nothing_heavy() -> None:
    code = (
        "import sys, pipelines.prediction, pipelines.io.predictions, pipelines.io.shared_model\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
