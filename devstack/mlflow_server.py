"""MLflow's tracking server: runs and models in SQLite, files through the server, so that clients share no folder."""

import sys

from devstack.probe import ask_text
from devstack.service import HOST, Daemon, Place, Service

PORTS = ("mlflow",)
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",  # no calls home
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # of its evaluation jobs, which nobody here submits: more processes
}


def describe_mlflow(place: Place) -> Service:
    """It answers when its health page does."""
    return Service(
        name="mlflow",
        address=f"http://{place.address('mlflow')}",
        daemons=(_server(place),),
        write_configuration=lambda: place.home("mlflow").mkdir(parents=True, exist_ok=True),
    )


def _server(place: Place) -> Daemon:
    home = place.home("mlflow")
    return Daemon(
        name="mlflow",
        command=(
            *(sys.executable, "-m", "mlflow", "server", "--workers", "1"),
            *("--host", HOST, "--port", str(place.ports["mlflow"])),
            *("--backend-store-uri", f"sqlite:///{home}/mlflow.db"),
            *("--artifacts-destination", str(home / "artifacts")),
        ),
        ports=PORTS,
        is_ready=lambda: ask_text(f"http://{place.address('mlflow')}/health") == "OK",
        environment=_ENVIRONMENT,
    )
