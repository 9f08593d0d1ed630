from pipelines.io.progress import silent_step


def test_a_step_says_its_rows_or_what_its_work_is_counted_in() -> None:
    step = silent_step()
    step.update(50, 200)
    assert step.state.startswith(" 25%  50 rows")

    step.tell(3, 20, "3 of 20 trials")
    assert step.state == " 15%  3 of 20 trials"
