"""The errors that malgil raises itself; everything else is a library's."""


class MalgilError(Exception):
    """An expected failure: one line that says what was expected, what was found and what to do."""
