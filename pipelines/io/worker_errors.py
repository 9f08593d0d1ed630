"""Our own errors out of Python workers: Spark hands them over as the text of a traceback."""

import re

from pipelines.errors import MalgilError

_OWN_ERROR = re.compile(r"\bpipelines\.[\w.]+Error: (.+)")


def find_own_error(error: Exception) -> MalgilError | None:
    """The error that ended the worker, as one line; None where it was none of ours."""
    found = _OWN_ERROR.findall(str(error))
    return MalgilError(found[-1].strip()) if found else None
