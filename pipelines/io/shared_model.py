"""A registered model's files on every executor: how they get there, and loading them once a Python worker."""

import atexit
import logging
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

from pyspark import SparkFiles, TaskContext
from pyspark.sql import SparkSession

from pipelines.io.model_files import LoadedModel, ModelFiles, load_model, version_id
from pipelines.io.python_worker import keep_archives_read, keep_objects

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SharedModel:
    """A model that Spark carries to each executor with the tasks that use it."""

    archive: str  # the folder's name among Spark's files; another model has another name
    name: str
    version: str


def share_model(spark: SparkSession, model: ModelFiles) -> SharedModel:
    """The model, handed to Spark as an archive: local or on YARN, executors need no shared folder for it."""
    archive = version_id(model)
    context = spark.sparkContext
    if not any(url.endswith(f"#{archive}") for url in context.listArchives):
        folder = Path(tempfile.mkdtemp(prefix="malgil-model-"))  # the driver serves it as long as it runs
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        context.addArchive(f"{zip_model(Path(model.path), folder / f'{archive}.zip')}#{archive}")
    return SharedModel(archive, model.name, model.version)


def load_shared_model(shared: SharedModel) -> LoadedModel:
    """The model, its files checked against their manifest. On executors only; once a Python worker, please."""
    keep_archives_read()
    start_tensorflow()
    loaded = load_model(ModelFiles(str(shared_path(shared)), shared.name, shared.version))
    keep_objects()
    return loaded


def shared_path(shared: SharedModel) -> Path:
    """Where the model's files lie on this executor."""
    return Path(SparkFiles.get(shared.archive))


def start_tensorflow() -> None:
    """TensorFlow in a Spark task, with the task's cores and the GPU that Spark gave it.

    So the workers of one machine do not fight over them; a worker in which it runs already keeps what it has.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # errors and warnings only
    try:
        _limit_tensorflow()
    except RuntimeError:
        _log.warning("TensorFlow runs in this Python worker already: its threads and GPUs stay as they are")


def import_tensorflow(*, threads: int) -> None:
    """TensorFlow and Keras in a process that is no Spark task. To be called before it loads a model.

    All that is imported by now is left out of garbage collection: a full pass over its 600,000 objects stops
    everything for 0.4 s, and finds nothing.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import keras  # noqa: F401 - so that it is among what is left out
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    keep_objects()


def zip_model(folder: Path, target: Path) -> Path:
    """The model's folder as one file."""
    with ZipFile(target, "w") as archive:  # not compressed: weights would not get smaller
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
    return target


def _limit_tensorflow() -> None:
    """Raises RuntimeError when TensorFlow runs already."""
    import tensorflow as tf  # here: the driver needs none

    task = TaskContext.get()
    if task is None:
        raise ValueError("a shared model: expected to be loaded inside a Spark task, found none")
    tf.config.threading.set_intra_op_parallelism_threads(task.cpus())
    tf.config.threading.set_inter_op_parallelism_threads(1)
    given = task.resources().get("gpu")
    addresses = given.addresses if given else []
    gpus = [gpu for gpu in tf.config.list_physical_devices("GPU") if gpu.name.rpartition(":")[2] in addresses]
    tf.config.set_visible_devices(gpus, "GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
