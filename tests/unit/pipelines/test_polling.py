"""A look is taken again and again, until it answers True, the block ends or the time is over."""

from threading import Event

from pipelines.polling import polling, wait_until


def test_it_looks_until_the_answer_is_true() -> None:
    answers, over = [False, None, True, False], Event()

    def look() -> object:
        answer = answers.pop(0)
        if answer is True:
            over.set()
        return answer

    with polling(look, every_s=0.001, name="test", at_end=True):
        assert over.wait(10)
    assert answers == [False]


def test_it_looks_at_the_end_only_where_it_is_asked_to() -> None:
    looks: list[str] = []
    for at_end in (False, True):
        with polling(lambda: looks.append("look"), every_s=60, name="test", at_end=at_end):
            pass
    assert looks == ["look"]


def test_waiting_tells_whether_it_came_to_be() -> None:
    answers = [False, False, True, False]
    assert wait_until(lambda: answers.pop(0), 10, every_s=0.001)
    assert answers == [False]
    assert not wait_until(lambda: False, 0.01, every_s=0.001)
    assert wait_until(lambda: True, 0)
