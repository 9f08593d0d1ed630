"""Faults of Spark, YARN and HDFS that a person can mend: known by their words, told in one line with what to do.

Of those words only sizes, paths and queues are repeated: anything else may hold what people said.
"""

import re

_USED = r"(?P<used>[\d.]+ [KMGT]?B of [\d.]+ [KMGT]?B) physical memory used"
_NO_DATANODE = (
    r"could only be written to \d+ of the|All datanodes .* are bad|Failed to replace a bad datanode"
    r"|BlockMissingException|Could not obtain block|DataTransferError|Failed to complete file in time"
)
_FAULTS = (
    (
        rf"beyond the 'PHYSICAL' memory limit.*?{_USED}",  # YARN's words for the driver's container
        "the driver took more memory than its container has ({used}); raise spark.driver.memoryOverhead",
    ),
    (
        rf"exceeding physical memory limits\..*?{_USED}",  # Spark's, for an executor's
        "an executor took more memory than its container has ({used}): Python, TensorFlow or an analyzer; raise "
        "spark.executor.memoryOverhead",
    ),
    (
        r"Exit status: 137\b|Python worker exited unexpectedly",
        "an executor or its Python was killed, as a node out of memory does; raise spark.executor.memoryOverhead",
    ),
    (
        r"Job aborted due to stage failure(?s:.*)(?:OutOfMemory|Exit status: 52\b)",
        "an executor's JVM ran out of memory; raise spark.executor.memory",
    ),
    (
        r"Exit status: 143\b",
        "an executor's JVM was ended by a signal, as it is when it is out of memory; raise spark.executor.memory",
    ),
    (r"OutOfMemoryError", "the driver's JVM ran out of memory; raise spark.driver.memory"),
    (
        r"Max number of executor failures \(\d+\) reached",
        "executors ended one after the other, most often for want of memory; raise spark.executor.memoryOverhead",
    ),
    (
        r"(?P<who>Required (?:executor|AM) memory [^!\n]* of this cluster)!",
        "YARN has no node so large: {who}; lower spark.executor.memory, spark.driver.memory or their memoryOverhead",
    ),
    (
        r"unknown queue *:? *(?P<queue>[\w.-]+)",
        "spark.yarn.queue: expected a queue of the cluster's, received {queue}; the ResourceManager's page lists them",
    ),
    (
        r"QuotaExceededException.{1,4}(?P<what>The [^\n\\]*? is exceeded)",
        "HDFS took no more: {what}; make room or have the quota raised, then run it again",
    ),
    (
        r"[Nn]ame ?node is in safe mode",
        "HDFS is read-only, its NameNode is in safe mode; run it again when `hdfs dfsadmin -safemode get` says OFF",
    ),
    (r"(?P<what>Permission denied: user=[^\n\\]*)", "HDFS refused: {what}; see its rights"),
    (_NO_DATANODE, "HDFS has no DataNode that serves: full, or gone; see `hdfs dfsadmin -report`, then run it again"),
)


def explain_fault(text: str) -> str:
    """One line for the fault that an error's text or a log tells of; empty where it is none of the known ones."""
    for pattern, line in _FAULTS:
        if found := re.search(pattern, text):
            return line.format(**found.groupdict())
    return ""


def is_outage(error: Exception) -> bool:
    """Whether HDFS lost the DataNodes that were written to: it may be back in a moment."""
    return re.search(_NO_DATANODE, str(error)) is not None
