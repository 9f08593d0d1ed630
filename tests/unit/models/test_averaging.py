import keras
import numpy as np
import pytest

from models.averaging import EVERY, build_averages, update_averages


def test_until_the_span_is_reached_it_is_the_mean_of_all_that_was_looked_at() -> None:
    weight, still = keras.Variable(0.0), keras.Variable(7.0)
    averages = build_averages([weight, still], [weight])
    for done in range(1, 2 * EVERY + 1):
        weight.assign(float(done))
        update_averages(averages, done=done, steps=1000, epochs=10)

    assert averages.variables[0].numpy() == pytest.approx((EVERY + 2 * EVERY) / 2)
    assert averages.variables[1] is still


def test_then_it_forgets_what_is_longer_ago_than_the_span() -> None:
    weight = keras.Variable(0.0)
    averages = build_averages([weight], [weight])
    for done in range(1, 4 * 80 + 1):
        weight.assign(1.0 if done <= 80 else 0.0)
        update_averages(averages, done=done, steps=80, epochs=1)

    np.testing.assert_allclose(averages.variables[0].numpy(), np.exp(-3), rtol=1e-5)  # three epochs ago


def test_an_epoch_s_last_step_is_looked_at_however_few_it_has() -> None:
    weight = keras.Variable(0.0)
    averages = build_averages([weight], [weight])
    seen = []
    for done in range(1, 7):
        weight.assign(float(done))
        update_averages(averages, done=done, steps=3, epochs=100)
        seen.append(float(averages.variables[0].numpy()))

    assert seen == pytest.approx([0, 0, 3, 3, 3, 4.5])
