"""The checkpoint of a live job: how far its topic was read, and by which layout that is written."""

import json
import posixpath

from pyspark.sql import SparkSession

from models.files import locate, write_bytes
from pipelines.errors import MalgilError

_NO_AUTHORITY = "hdfs:///"
LAYOUT = 1  # raise it with every change after which a checkpoint of before must not be read
_LAYOUT_FILE = "layout.json"


def open_checkpoint(url: str, *, topic: str, setting: str = "live.checkpoint") -> str:
    """The folder of the query's checkpoint, new or of the same layout and topic; `setting` is what names it.

    Raises MalgilError for any other: Spark would read it, and skip or repeat messages.
    """
    filesystem, path = locate(url)
    written = posixpath.join(path, _LAYOUT_FILE)
    expected = {"layout": LAYOUT, "topic": topic}
    if filesystem.exists(written):
        found = json.loads(filesystem.cat_file(written))
    elif filesystem.exists(posixpath.join(path, "offsets")):
        found = {"layout": 0, "topic": topic}
    else:
        write_bytes(posixpath.join(url, _LAYOUT_FILE), json.dumps(expected).encode())
        return url
    if found != expected:
        raise MalgilError(
            f"{setting}: expected layout {LAYOUT} of topic {topic}, found layout {found.get('layout')} of topic "
            f"{found.get('topic')} in {url}; set another folder and kafka's starting point (live.starting_offsets), or "
            "run the malgil that wrote it"
        )
    return url


def with_authority(url: str, spark: SparkSession) -> str:
    """The URL for Spark, which takes no checkpoint at `hdfs:///…`: with the file system that the cluster names."""
    if not url.startswith(_NO_AUTHORITY):
        return url
    named = spark.sparkContext._jsc.hadoopConfiguration().get("fs.defaultFS")
    return posixpath.join(named, url.removeprefix(_NO_AUTHORITY))
