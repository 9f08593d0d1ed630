"""Writing behind what is being made."""

from collections.abc import Iterator
from threading import Event

import pytest

from pipelines.write_behind import write_behind


def test_each_item_comes_out_in_order_with_what_its_writing_answered() -> None:
    assert list(write_behind("abc", str.upper)) == [("a", "A"), ("b", "B"), ("c", "C")]
    assert list(write_behind("", str.upper)) == []


def test_an_item_is_written_while_the_next_one_is_made() -> None:
    is_next_made = Event()

    def make() -> Iterator[int]:
        yield 1
        is_next_made.set()
        yield 2

    assert list(write_behind(make(), lambda _: is_next_made.wait(60))) == [(1, True), (2, True)]


def test_what_cannot_be_written_is_raised_and_nothing_behind_it_is_written() -> None:
    written: list[int] = []

    def write(item: int) -> None:
        written.append(item)
        if item == 2:
            raise ConnectionError("Redis is gone")

    with pytest.raises(ConnectionError, match="Redis is gone"):
        list(write_behind(range(1, 5), write))
    assert written == [1, 2]


def test_what_was_made_before_an_error_is_written() -> None:
    written: list[int] = []

    def make() -> Iterator[int]:
        yield 1
        raise ValueError("no model")

    with pytest.raises(ValueError, match="no model"):
        list(write_behind(make(), written.append))
    assert written == [1]
