"""What a process that trains computes with: its Spark task's GPU or cores, and the precision.

TensorFlow is imported only when one of these is called: the driver and Spark's Python workers also load this module.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from models.training_config import Precision


def environment_of(threads: int) -> dict[str, str]:
    """Variables that must be set before such a process starts: its cores, and silence."""
    names = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
    return {**dict.fromkeys(names, str(threads)), "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}


def prepare_compute(gpus: Sequence[str], *, threads: int, precision: Precision) -> None:
    """Give this process the GPU, if its Spark task has one, so many threads, and layers that compute in the precision.

    To be called before TensorFlow computes anything. `gpus` are the host's own indices.
    """
    take_gpu(gpus)
    with _hidden("sklearn", "matplotlib"):
        import keras
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    keras.config.set_dtype_policy(_precision_policy(precision))


def take_gpu(gpus: Sequence[str]) -> None:
    """Show TensorFlow the one GPU that Spark gave this task; a task without one computes on its cores.

    CUDA reads the variable before it starts.
    """
    os.environ["CUDA_VISIBLE_DEVICES"] = gpus[0] if gpus else "-1"


@contextmanager
def _hidden(*modules: str) -> Iterator[None]:
    """Inside, these modules cannot be imported, as if they were not installed.

    Keras imports them where they are, for wrappers and pictures that no rank uses: 1.0 of its 3.6 seconds.
    """
    missing = [name for name in modules if name not in sys.modules]
    sys.modules.update(dict.fromkeys(missing))  # type: ignore[arg-type]  # None is how Python says "not there"
    try:
        yield
    finally:
        for name in missing:
            del sys.modules[name]


def _precision_policy(precision: Precision) -> str:
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    details = tf.config.experimental.get_device_details(gpus[0]) if gpus else {}
    has_bfloat16 = details.get("compute_capability", (0, 0)) >= (8, 0)
    wanted = precision is Precision.bfloat16 or (precision is Precision.auto and has_bfloat16)
    return "mixed_bfloat16" if wanted else "float32"
