"""Faults are told in one line with what to do; the texts are those of Spark 4.0, YARN and HDFS 3.4."""

import pytest

from pipelines.io.faults import explain_fault, is_outage

STAGE = "org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 1.0 failed 4 times: "
LOST = f"{STAGE}ExecutorLostFailure (executor 1 exited caused by one of the running tasks) Reason: "


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"{LOST}Container from a bad node: c_1 on host: n1. Exit status: 137.", "raise spark.executor.memoryOverhead"),
        (f"{LOST}Container from a bad node: c_1 on host: n1. Exit status: 143.", "raise spark.executor.memory"),
        (f"{STAGE}Lost task\n\tat x\nCaused by: java.lang.OutOfMemoryError: Java heap", "raise spark.executor.memory"),
        (
            "java.lang.OutOfMemoryError: Java heap space",
            "the driver's JVM ran out of memory; raise spark.driver.memory",
        ),
        ("diagnostics message: Max number of executor failures (4) reached", "raise spark.executor.memoryOverhead"),
        (
            'AccessControlException: Permission denied: user=k, access=WRITE, inode="/":hdfs:hdfs:drwxr-xr-x\n\tat x',
            'HDFS refused: Permission denied: user=k, access=WRITE, inode="/":hdfs:hdfs:drwxr-xr-x; see its rights',
        ),
    ],
)
def test_a_known_fault_is_one_line_with_what_to_do(text: str, line: str) -> None:
    told = explain_fault(text)
    assert told.endswith(line)
    assert "\n" not in told


def test_another_error_is_not_told_as_a_fault() -> None:
    assert explain_fault(f"{STAGE}Lost task\nKeyError: '환불'") == ""


def test_lost_datanodes_are_an_outage_and_a_quota_is_not() -> None:
    assert is_outage(RuntimeError(f"{STAGE}All datanodes [DatanodeInfoWithStorage[n1]] are bad. Aborting..."))
    assert not is_outage(RuntimeError(f"{STAGE}DSQuotaExceededException: The DiskSpace quota of /a is exceeded: 1 B"))
