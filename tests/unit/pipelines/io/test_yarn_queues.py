"""Where the ResourceManager is."""

from pathlib import Path

import pytest

from pipelines.io.yarn_queues import find_resource_manager


def test_it_is_where_the_setting_says_else_where_the_cluster_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HADOOP_CONF_DIR", raising=False)
    assert find_resource_manager("http://rm:8088/") == "http://rm:8088"
    assert find_resource_manager("") is None
    monkeypatch.setenv("HADOOP_CONF_DIR", str(tmp_path))
    assert find_resource_manager("") is None
    name, address = "yarn.resourcemanager.webapp.address", "rm.example:8088"
    (tmp_path / "yarn-site.xml").write_text(
        f"<configuration><property><name>{name}</name><value>{address}</value></property></configuration>"
    )
    assert find_resource_manager("") == f"http://{address}"
