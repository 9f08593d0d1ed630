import os
from collections.abc import Iterator

import pytest
from horovod.spark.task import get_available_devices, task_info
from pyspark.resource import ResourceInformation

from pipelines.compute import take_gpu


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3")
    yield
    task_info.set_resources({})


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize(("resources", "visible"), [({"gpu": ResourceInformation("gpu", ["3"])}, "3"), ({}, "-1")])
def test_a_rank_sees_the_gpu_of_its_spark_task_only(resources: dict[str, ResourceInformation], visible: str) -> None:
    task_info.set_resources(resources)
    take_gpu(get_available_devices())

    assert os.environ["CUDA_VISIBLE_DEVICES"] == visible
