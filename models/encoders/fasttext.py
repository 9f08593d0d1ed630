"""The mean of the tokens' vectors, whatever their order.

Joulin et al. (2017), "Bag of Tricks for Efficient Text Classification". Their hashed n-grams are our vocabularies
of character n-grams and morphemes: the most frequent ones, each with a row of its own, so nothing collides.
"""

from models.encoders.token_vectors import Tensor, TokenVectors


def encode_by_mean(tokens: TokenVectors) -> Tensor:
    """(batch, size)."""
    return tokens.mean(tokens.values)
