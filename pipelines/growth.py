"""Taking in new executors: the driver asks the ranks to pause when there is room for more of them.

The ranks pause at their next commit, where nothing is lost, and are launched again in greater number.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from pyspark.sql import SparkSession

from models.files import locate, write_bytes
from pipelines.slots import count_slots

SLOTS_ASKED_EVERY_S = 5.0


@contextmanager
def growth_asked(spark: SparkSession, run_url: str, *, ranks: int, wanted: int) -> Iterator[None]:
    """Inside, `ranks` that are fewer than `wanted` are asked to pause as soon as more of them could run."""
    _withdraw(run_url)
    done = Event()

    def watch() -> None:
        while not done.wait(SLOTS_ASKED_EVERY_S):
            if (slots := min(count_slots(spark), wanted)) > ranks:
                write_bytes(_url(run_url), json.dumps({"ranks": slots}).encode())
                return

    thread = Thread(target=watch, name="training-growth", daemon=True)
    if ranks < wanted:
        thread.start()
    try:
        yield
    finally:
        done.set()
        if thread.is_alive():
            thread.join()


def is_pause_asked(run_url: str) -> bool:
    """Whether the driver asked; for the first rank, at a commit."""
    filesystem, path = locate(_url(run_url))
    return bool(filesystem.exists(path))


def _withdraw(run_url: str) -> None:
    filesystem, path = locate(_url(run_url))
    if filesystem.exists(path):
        filesystem.rm_file(path)


def _url(run_url: str) -> str:
    return f"{run_url}/pause.json"
