"""What bots are to know, as rows: questions with their answers, or pages, with the file that each came from.

Files of questions are read whole, unlike logs: an answer in a CSV may have lines.
"""

import posixpath
import re
from dataclasses import asdict

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.errors import MalgilError
from pipelines.io.filesystems import describe_fault, open_filesystem
from pipelines.io.store import Listing, list_files
from pipelines.knowledge import KnowledgeConfig

PAGES = {"markdown": (".md", ".markdown"), "html": (".html", ".htm")}
FORMATS = ("jsonl", "csv", "tsv", "parquet", *PAGES)

_BROKEN = "_broken"
_ORIGIN = re.compile("^[a-z][a-z0-9+.-]*:(//[^/]*)?")  # of a URL: scheme and host


def list_knowledge_files(config: KnowledgeConfig) -> Listing:
    """The input's files. Raises MalgilError where there are none, or where they cannot be listed."""
    if config.format not in FORMATS:
        raise MalgilError(f"knowledge.format: expected one of {', '.join(FORMATS)}, received {config.format!r}")
    try:
        listing = list_files(config.path)
    except (OSError, RuntimeError) as error:
        raise MalgilError(
            f"knowledge.path: cannot list {config.path!r}: {describe_fault(error)}; see its rights"
        ) from error
    if not _select_urls(listing, config):
        kind = f"{' or '.join(PAGES[config.format])} files" if config.format in PAGES else "files"
        raise MalgilError(f"knowledge.path: expected {kind}, found none at {config.path!r}; check path and format")
    return listing


def read_rows(spark: SparkSession, listing: Listing, config: KnowledgeConfig) -> DataFrame:
    """`question, answer, bot_id, source` as they stand, `problem` (why a row cannot be read) and `file`."""
    urls, columns = _select_urls(listing, config), asdict(config.columns)
    spark.conf.set("spark.sql.legacy.javaCharsets", "true")  # else Spark 4 knows no CP949
    if config.format == "jsonl":
        schema = ", ".join(f"`{name}` string" for name in [*dict.fromkeys(columns.values()), _BROKEN])
        options = {"columnNameOfCorruptRecord": _BROKEN, "encoding": config.encoding}
        table = spark.read.schema(schema).options(**options).json(urls)
        problem = F.when(F.col(_BROKEN).isNotNull(), "broken_json")
    elif config.format == "parquet":
        table, problem = spark.read.parquet(*urls), F.lit(None)
    else:
        sep = "\t" if config.format == "tsv" else ","
        options = {"header": "true", "multiLine": "true", "escape": '"', "encoding": config.encoding, "sep": sep}
        table, problem = spark.read.options(**options).csv(urls), F.lit(None)
    file = F.element_at(F.split("_metadata.file_path", "/"), -1).alias("file")
    names = [_find_column(table, name, source).alias(name) for name, source in columns.items()]
    return table.select(*names, problem.cast("string").alias("problem"), file)


def read_pages(spark: SparkSession, listing: Listing, config: KnowledgeConfig) -> DataFrame:
    """`path` below knowledge.path, `content`, null where it is too large, and `file`."""
    pages = spark.read.format("binaryFile").load(_select_urls(listing, config))
    whole = F.regexp_replace("path", _ORIGIN.pattern, "")
    below = F.substr(whole, F.lit(len(_find_root(config.path)) + 1))
    content = F.when(F.col("length") <= config.max_page_bytes, F.col("content"))
    return pages.select(below.alias("path"), content.alias("content"), below.alias("file"))


def _select_urls(listing: Listing, config: KnowledgeConfig) -> list[str]:
    """Of pages, those of the format: a folder of pages has pictures in it."""
    endings = PAGES.get(config.format)
    return [url for url in listing.urls if endings is None or url.lower().endswith(endings)]


def _find_column(table: DataFrame, name: str, source: str) -> Column:
    if source in table.columns:
        return F.col(f"`{source}`").cast("string")
    if name in ("question", "answer"):
        found = ", ".join(table.columns)
        raise MalgilError(f"knowledge.columns.{name}: expected a column {source!r}, found {found}; name yours")
    return F.lit(None).cast("string")


def _find_root(path: str) -> str:
    """The path, without its host, of the folder that pages' paths are told from; it ends with a slash."""
    filesystem, located = open_filesystem(path)
    fixed = re.split(r"[*?\[{]", located, maxsplit=1)[0]
    is_folder = fixed == located and filesystem.isdir(located)
    root = located if is_folder else posixpath.dirname(fixed)
    return f"{_ORIGIN.sub('', root).rstrip('/')}/"
