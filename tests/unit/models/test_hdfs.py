"""HDFS URLs are read as Hadoop reads them."""

import pytest

from models.hdfs import HdfsFiles


@pytest.mark.parametrize(
    ("url", "host", "port", "path"),
    [
        ("hdfs://127.0.0.1:8020/chat/raw", "127.0.0.1", 8020, "/chat/raw"),
        ("hdfs://Cluster/chat/raw/", "Cluster", None, "/chat/raw"),
        ("hdfs:///chat/day=2026-05-01/*.gz", None, None, "/chat/day=2026-05-01/*.gz"),
        ("hdfs://host:8020/말/part-?#.txt", "host", 8020, "/말/part-?#.txt"),
        ("hdfs://host:8020", "host", 8020, "/"),
    ],
)
def test_a_url_is_an_authority_and_a_path(url: str, host: str | None, port: int | None, path: str) -> None:
    assert HdfsFiles._get_kwargs_from_urls(url) == {"host": host, "port": port}
    assert HdfsFiles._strip_protocol(url) == path
    assert HdfsFiles._strip_protocol(path) == path
