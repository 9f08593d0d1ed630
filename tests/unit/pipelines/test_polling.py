"""A look is taken again and again, until it answers True or the block ends."""

from threading import Event

from pipelines.polling import polling


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
