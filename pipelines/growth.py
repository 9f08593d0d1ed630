"""Taking in new executors: the driver asks the ranks to pause when there is room for more of them.

The ranks pause at their next commit, where nothing is lost, and are launched again in greater number.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from pyspark.sql import SparkSession

from models.files import file_exists, remove_file, write_bytes
from pipelines.polling import polling
from pipelines.slots import count_slots

SLOTS_ASKED_EVERY_S = 5.0


@contextmanager
def growth_asked(spark: SparkSession, run_url: str, *, ranks: int, wanted: int) -> Iterator[None]:
    """Inside, `ranks` that are fewer than `wanted` are asked to pause as soon as more of them could run."""
    remove_file(_url(run_url))

    def look() -> bool:
        slots = min(count_slots(spark), wanted)
        if slots > ranks:
            write_bytes(_url(run_url), json.dumps({"ranks": slots}).encode())
        return slots > ranks

    if ranks == wanted:
        yield
    else:
        with polling(look, every_s=SLOTS_ASKED_EVERY_S, name="training-growth"):
            yield


def is_pause_asked(run_url: str) -> bool:
    """Whether the driver asked; for the first rank, at a commit."""
    return file_exists(_url(run_url))


def _url(run_url: str) -> str:
    return f"{run_url}/pause.json"
