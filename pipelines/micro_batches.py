"""Questions that come one by one and are answered together: as many as wait, whenever the last ones are answered.

So a lone question waits for nobody, and the more come, the larger are the batches and the less costs each.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from pipelines.errors import MalgilError

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class TooManyWaitingError(MalgilError):
    """More questions came than are answered."""


@dataclass(frozen=True)
class BatchLimits:
    """How many questions are answered together."""

    rows: int
    waiting: int  # questions that wait at most; a further one is refused
    wait_s: float  # for others to come before a first one is answered


class MicroBatches(Generic[Question, Answer]):
    """Calls `answer` with up to `limits.rows` questions in a thread of its own, one call at a time.

    To be used in one event loop. Guarantee: each question that is taken gets its answer, or the error of its batch.
    """

    def __init__(self, answer: Callable[[Sequence[Question]], Sequence[Answer]], limits: BatchLimits) -> None:
        self._answer, self._limits = answer, limits
        self._waiting: list[tuple[Question, asyncio.Future[Answer]]] = []
        self._working: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="micro-batches")

    def ask(self, question: Question) -> "asyncio.Future[Answer]":
        """The answer to come. Raises TooManyWaitingError."""
        if len(self._waiting) >= self._limits.waiting:
            raise TooManyWaitingError(f"expected at most {self._limits.waiting} waiting requests; ask again later")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()
        self._waiting.append((question, answer))
        if self._working is None:
            self._working = loop.create_task(self._work())
        return answer

    async def _work(self) -> None:
        if self._limits.wait_s:
            await asyncio.sleep(self._limits.wait_s)
        while self._waiting:
            batch, self._waiting = self._waiting[: self._limits.rows], self._waiting[self._limits.rows :]
            await self._settle(batch)
        self._working = None

    async def _settle(self, batch: list[tuple[Question, "asyncio.Future[Answer]"]]) -> None:
        questions = [question for question, _ in batch]
        try:
            answers = await asyncio.get_running_loop().run_in_executor(self._thread, self._answer, questions)
        except Exception as error:  # whoever asked has to tell
            for _, answer in batch:
                if not answer.done():  # it was not given up
                    answer.set_exception(error)
            return
        for (_, answer), given in zip(batch, answers, strict=True):
            if not answer.done():
                answer.set_result(given)
