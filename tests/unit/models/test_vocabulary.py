"""Ids of tokens."""

import numpy as np

from models.vocabulary import PADDING_ID, UNKNOWN_ID, Vocabulary

VOCABULARY = Vocabulary(("배송", "언제"))


def test_tokens_count_from_two_and_rows_are_padded_and_cut() -> None:
    ids = VOCABULARY.encode([["배송", "언제", "와요"], [], ["언제"] * 5], length=3)
    assert ids.tolist() == [[2, 3, UNKNOWN_ID], [PADDING_ID] * 3, [3, 3, 3]]
    assert ids.dtype == np.int32


def test_size_counts_padding_and_unknown() -> None:
    assert VOCABULARY.size == 4
