"""Analyzers called natively, each as its own documentation calls it, in processes pinned to a core."""

import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from typing import Any

from udfs.analyzers import tokenize


class Natives:
    """Python processes that keep their analyzer, one pinned to each core, one JVM in each."""

    def __init__(self, cores: int) -> None:
        self._cores = cores
        self._pools: dict[str, list[ProcessPoolExecutor]] = {}

    def __enter__(self) -> "Natives":
        return self

    def __exit__(self, *_: object) -> None:
        for pools in self._pools.values():
            for pool in pools:
                pool.shutdown()

    def time(self, function: Callable[[str, list[str]], float], analyzer: str, texts: list[str]) -> float:
        """Seconds until every process has done all the texts, the sending of the texts left out."""
        if function.__name__ not in self._pools:
            self._pools[function.__name__] = [_start_process(core) for core in range(self._cores)]
        pools = self._pools[function.__name__]
        return max(future.result() for future in [pool.submit(function, analyzer, texts) for pool in pools])


def time_ours(analyzer: str, texts: list[str]) -> float:
    start = time.perf_counter()
    tokenize(texts, analyzer)
    return time.perf_counter() - start


def time_library(analyzer: str, texts: list[str]) -> float:
    morphs = LIBRARIES[analyzer]()
    start = time.perf_counter()
    for text in texts:
        morphs(text)
    return time.perf_counter() - start


def tag_with_okt(text: str) -> list[str]:
    tokens: list[str] = LIBRARIES["okt"]()(text)
    return tokens


@cache
def _load_konlpy(name: str) -> Any:
    import konlpy.tag

    return getattr(konlpy.tag, name)().morphs


@cache
def _load_mecab() -> Any:
    from udfs.konlpy_analyzers import load_konlpy_mecab

    return load_konlpy_mecab().morphs


@cache
def _load_mecab_ko() -> Any:
    from mecab import MeCab

    return MeCab().pos  # morphemes and their tags, which our tokens have


@cache
def _load_kiwi() -> Any:
    from kiwipiepy import Kiwi

    kiwi = Kiwi(num_workers=1)
    return lambda text: [morpheme.form for morpheme in kiwi.tokenize(text)]


LIBRARIES: dict[str, Callable[[], Any]] = {
    "okt": lambda: _load_konlpy("Okt"),
    "komoran": lambda: _load_konlpy("Komoran"),
    "hannanum": lambda: _load_konlpy("Hannanum"),
    "kkma": lambda: _load_konlpy("Kkma"),
    "mecab": _load_mecab,
    "kiwi": _load_kiwi,
    "mecab_ko": _load_mecab_ko,
}


def _start_process(core: int) -> ProcessPoolExecutor:
    context = get_context("spawn")
    return ProcessPoolExecutor(1, context, initializer=os.sched_setaffinity, initargs=(0, {core}))
