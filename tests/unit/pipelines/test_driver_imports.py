"""The driver starts fast: no job imports TensorFlow, Keras, MLflow or an analyzer before it needs one."""

import subprocess
import sys

HEAVY = ["tensorflow", "keras", "mlflow", "optuna", "horovod", "konlpy", "jpype", "kiwipiepy", "fastapi", "uvicorn"]


def test_no_job_imports_anything_heavy() -> None:
    code = f"import sys, jobs.nightly, jobs.tune\nprint([name for name in {HEAVY} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
