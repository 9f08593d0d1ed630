"""What a submission to YARN needs beyond one on this machine."""

import getpass
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace

from jobs.submission import Submission, find_sections
from pipelines.errors import MalgilError
from pipelines.io.spark_properties import CONF
from pipelines.io.store import Store, cannot_write
from pipelines.io.tracking import flatten
from pipelines.io.yarn_application import is_secure
from pipelines.io.yarn_packages import publish_packages
from pipelines.settings import Settings, load_settings

_NODE_CODE = "malgil/"  # where the code stands in a container
_PASSED_ON = re.compile(r"MALGIL_\w+|MLFLOW_\w+")
_OWN = re.compile(
    r"MALGIL_(RUN_ID|CONF|LOG|PROGRESS|SUMMARY|STOP|SUBMISSION|TERMINAL|ENVIRONMENT|PYTHON|NODE_PYTHON|STACK)"
)


def prepare_yarn(submission: Submission) -> Submission:
    """The submission with its settings read and checked, and with what the nodes need put into the store."""
    if "HADOOP_CONF_DIR" not in os.environ:
        raise MalgilError(
            "HADOOP_CONF_DIR: expected the folder of the cluster's core-site.xml and yarn-site.xml, found none set; "
            "export it (python -m devstack up yarn prints the dev stack's)"
        )
    settings = load_settings(submission.settings, conf=submission.conf)
    _check_reach(submission, settings)
    store = Store(settings.store).root
    try:
        packages = publish_packages(store, submission.properties)
    except (OSError, RuntimeError) as error:
        raise cannot_write(store, error) from error
    properties = {
        **submission.properties,
        **packages,
        "spark.yarn.appMasterEnv.MALGIL_CONF": submission.conf,
        **_name_user(),
    }
    if not submission.is_in_cluster:
        properties["spark.pyspark.driver.python"] = sys.executable
        option = properties.get("spark.driver.extraJavaOptions", "")
        properties["spark.driver.extraJavaOptions"] = option.replace(f"={_NODE_CODE}conf/", "=conf/")
    names = tuple(name for name in _name_variables(settings) if name in os.environ)
    timeout_s = settings.yarn.start_timeout_s
    return replace(submission, properties=properties, store=store, environment=names, start_timeout_s=timeout_s)


def _check_reach(submission: Submission, settings: Settings) -> None:
    """A path of this machine is another one on a node: what was written there would be lost."""
    if "://" not in settings.store.root:
        raise MalgilError(
            f"store.root: expected a URL that all nodes reach, such as hdfs://host:port/malgil, found "
            f"{settings.store.root!r}; set it in conf/{submission.conf}.yaml"
        )
    uri = settings.mlflow.tracking_uri
    is_local = "://" not in uri or uri.startswith(("sqlite:", "file:"))
    if submission.is_in_cluster and is_local and "mlflow" in find_sections(submission.name):
        raise MalgilError(
            f"mlflow.tracking_uri: expected a server that all nodes reach, such as http://host:5000, found {uri!r}; "
            f"set it in conf/{submission.conf}.yaml, or in the environment as MLFLOW_TRACKING_URI"
        )


def _name_user() -> dict[str, str]:
    """Without Kerberos YARN runs containers as its own user: Python there must write as the submitting one."""
    if is_secure():
        return {}
    user = os.environ.get("HADOOP_USER_NAME") or getpass.getuser()
    return {f"spark.{where}.HADOOP_USER_NAME": user for where in ("yarn.appMasterEnv", "executorEnv")}


def _name_variables(settings: Settings) -> Iterator[str]:
    """Variables that settings name or conf files read, and all of MLflow's and ours but the console's token."""
    named = {str(value) for key, value in flatten(asdict(settings)).items() if key.endswith("_env") and value}
    for file in CONF.rglob("*.yaml"):
        named |= set(re.findall(r"\$\{oc\.env:(\w+)", file.read_text(encoding="utf8")))
    named |= {name for name in os.environ if _PASSED_ON.fullmatch(name)}
    yield from sorted(name for name in named - {settings.console.token_env} if not _OWN.fullmatch(name))
