import keras
import pytest

from models.weight_average import WeightAverage


def test_it_follows_every_32_steps_and_after_an_epoch_s_last() -> None:
    variable = keras.Variable([0.0])
    average = WeightAverage([variable], decay=0.5)
    values = [0.0]
    for step in range(1, 81):  # two epochs of 40 steps
        variable.assign([float(step)])
        average.update(step, 40)
        values.append(average.variables[0].numpy().item())

    changed = [step for step in range(1, 81) if values[step] != values[step - 1]]
    assert changed == [32, 40, 72, 80]
    assert values[40] == pytest.approx(40 - 8 * 0.5**8)


def test_its_share_is_the_decay_of_the_steps_since_its_last_update() -> None:
    variable = keras.Variable([0.0])
    average = WeightAverage([variable], decay=0.9)
    variable.assign([1.0])
    for step in (1, 2):  # an epoch of two steps, at the low decay of the first ones: 3 / 12
        average.update(step, 2)

    assert average.variables[0].numpy().item() == pytest.approx(1 - (3 / 12) ** 2)


def test_inside_swapped_in_the_variables_hold_their_averages() -> None:
    variable = keras.Variable([0.0])
    average = WeightAverage([variable], decay=0.9)
    variable.assign([1.0])
    with average.swapped_in():
        assert variable.numpy().item() == 0
    assert variable.numpy().item() == 1


def test_decay_0_keeps_no_average() -> None:
    variable = keras.Variable([2.0])
    average = WeightAverage([variable], decay=0.0)
    average.update(32, 32)
    with average.swapped_in():
        assert variable.numpy().item() == 2
    assert average.variables == []
