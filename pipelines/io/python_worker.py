"""What Spark makes its Python workers do with every task, made cheaper.

Measured at 100 messages/s, both together took ten times the CPU of predicting (docs/decisions.md).
"""

import gc
import zipimport


def keep_archives_read() -> None:
    """From now on this worker takes the ZIPs on its path for unchanging.

    Before each task Spark calls importlib.invalidate_caches, and Python 3.10 and 3.11 then read the directory of every
    ZIP on the path again, entry by entry: Spark's own jar is one of them.
    """
    zipimport.zipimporter.invalidate_caches = _keep  # type: ignore[method-assign, assignment]


def keep_objects() -> None:
    """From now on this worker takes what it holds for here to stay, TensorFlow and a model above all.

    Behind each task Spark has Python's collector go through all objects. Call it again when a model was replaced: what
    nobody holds any more is then freed, but for what a task holds at that moment, which the next call frees.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def _keep(archive: zipimport.zipimporter) -> None:
    """Nobody changes a ZIP while a worker uses it; one that Spark adds is opened as a new one."""
