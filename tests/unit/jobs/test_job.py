"""How the process of a job ends."""

import subprocess
import sys

import pytest

ENDING = """
import atexit, threading
from jobs.job import end_process
from pipelines.io.run_progress import WRITER
atexit.register(print, "Python ended it")
if {hangs}:
    threading.Thread(target=threading.Event().wait, name=WRITER, daemon=True).start()
end_process({code})
"""


@pytest.mark.parametrize("code", [0, 1])
@pytest.mark.parametrize(("hangs", "shown"), [(False, "Python ended it\n"), (True, "")])
def test_a_thread_that_waits_for_the_store_is_not_ended_by_python(code: int, hangs: bool, shown: str) -> None:
    script = ENDING.format(hangs=hangs, code=code)
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (code, shown), ended.stderr
