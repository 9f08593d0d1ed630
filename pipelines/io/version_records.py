"""What the store knows of a model's version: the training that it came from, and what that learned from.

`versions/<model>/<version>/` stands beside the outputs, so that a prediction is traced without asking MLflow.
"""

from pipelines.io.store import Store

_KIND = "versions"


def note_version(store: Store, name: str, version: str, *, training_id: str, mlflow_run: str) -> None:
    """Note it in the store that its training read from; of a registry that began anew, the newer version stays."""
    facts = {"training_id": training_id, "mlflow_run": mlflow_run}
    kind = f"{_KIND}/{name}"
    standing = store.manifest(kind, version)
    if standing and standing["training_id"] == training_id:
        return
    store.remove(store.url(kind, version))
    store.publish(kind, version, lambda _: facts)
