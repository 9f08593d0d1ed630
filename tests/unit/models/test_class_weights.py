import numpy as np
import pytest

from models.class_weights import weigh_classes

COUNTS = [1, 10, 100]


def test_with_beta_0_all_rows_count_alike() -> None:
    assert weigh_classes(COUNTS, 0.0).tolist() == [1, 1, 1]


def test_a_class_counts_by_the_effective_number_of_its_rows() -> None:
    weights = weigh_classes(COUNTS, 0.9)
    assert weights[1] / weights[0] == pytest.approx(0.1 / (1 - 0.9**10))
    assert weights[2] / weights[0] == pytest.approx(0.1 / (1 - 0.9**100))


@pytest.mark.parametrize("beta", [0.5, 0.99, 0.9999])
def test_a_row_counts_1_in_the_mean(beta: float) -> None:
    assert np.average(weigh_classes(COUNTS, beta), weights=COUNTS) == pytest.approx(1)


def test_a_class_without_a_row_weighs_as_with_one() -> None:
    weights = weigh_classes([0, 1, 50], 0.9)
    assert weights[0] == weights[1]
