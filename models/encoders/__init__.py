"""Sentence encoders: each reads a message's token vectors to one vector of the whole message.

One file a kind, its settings beside it. Settings are read without TensorFlow, so Keras is imported when an
encoder is built. Every encoder gives the same result whatever padding follows the tokens.
"""
