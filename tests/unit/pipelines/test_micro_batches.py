"""Questions that come while others are answered are answered together, each with its own answer."""

import asyncio
from collections.abc import Sequence
from threading import Event

import pytest

from pipelines.micro_batches import BatchLimits, MicroBatches, TooManyWaitingError

LIMITS = BatchLimits(rows=3, waiting=4, wait_s=0.0)


class Doubler:
    """Doubles numbers, when it may; keeps what it was asked."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.began, self.may_end = Event(), Event()

    def answer(self, numbers: Sequence[int]) -> list[int]:
        self.batches.append([*numbers])
        self.began.set()
        assert self.may_end.wait(60)
        return [10 // number and 2 * number for number in numbers]  # an error for 0


async def ask_while_busy(doubler: Doubler, batches: MicroBatches[int, int], *numbers: int) -> list[object]:
    """Ask `numbers` while a first question, 1, is being answered."""
    first = batches.ask(1)
    await asyncio.to_thread(doubler.began.wait, 60)
    asked = [batches.ask(number) for number in numbers]
    doubler.may_end.set()
    return await asyncio.gather(first, *asked, return_exceptions=True)


def test_what_waits_is_answered_together_and_in_order() -> None:
    async def run() -> None:
        doubler = Doubler()
        assert await ask_while_busy(doubler, MicroBatches(doubler.answer, LIMITS), 2, 3, 4, 5) == [2, 4, 6, 8, 10]
        assert doubler.batches == [[1], [2, 3, 4], [5]]

    asyncio.run(run())


def test_who_comes_when_too_many_wait_is_refused() -> None:
    async def run() -> None:
        doubler = Doubler()
        batches = MicroBatches(doubler.answer, LIMITS)
        first = batches.ask(1)
        await asyncio.to_thread(doubler.began.wait, 60)
        asked = [batches.ask(number) for number in (2, 3, 4, 5)]
        with pytest.raises(TooManyWaitingError, match="expected at most 4 waiting requests"):
            batches.ask(6)
        doubler.may_end.set()
        assert await asyncio.gather(first, *asked) == [2, 4, 6, 8, 10]
        assert await batches.ask(7) == 14

    asyncio.run(run())


def test_an_error_is_that_of_its_batch_alone() -> None:
    async def run() -> None:
        doubler = Doubler()
        answers = await ask_while_busy(doubler, MicroBatches(doubler.answer, LIMITS), 2, 0, 3, 4)
        assert [type(answer) for answer in answers] == [int, *[ZeroDivisionError] * 3, int]

    asyncio.run(run())


def test_who_gives_up_disturbs_nobody() -> None:
    async def run() -> None:
        doubler = Doubler()
        batches = MicroBatches(doubler.answer, LIMITS)
        first = batches.ask(1)
        await asyncio.to_thread(doubler.began.wait, 60)
        given_up, kept = batches.ask(2), batches.ask(3)
        given_up.cancel()
        first.cancel()
        doubler.may_end.set()
        assert await kept == 6

    asyncio.run(run())


def test_a_first_question_waits_for_others_where_it_is_to() -> None:
    async def run() -> None:
        doubler = Doubler()
        doubler.may_end.set()
        batches = MicroBatches(doubler.answer, BatchLimits(rows=3, waiting=4, wait_s=0.2))
        first = batches.ask(1)
        await asyncio.sleep(0)
        assert await asyncio.gather(first, batches.ask(2)) == [2, 4]
        assert doubler.batches == [[1, 2]]

    asyncio.run(run())
