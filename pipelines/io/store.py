"""The store: one root URL under which every job's output stands, whole or not at all.

An output is a folder `<root>/<kind>/<id>/` with a `manifest.json`, what is in it, and an `origin.json`, which run made
it and from what. It is written under a temporary name and renamed when it is complete, so a killed job leaves nothing
half-visible and a second run starts that step anew.
"""

import hashlib
import json
import logging
import posixpath
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from copy import copy
from dataclasses import asdict, dataclass
from typing import Any, cast

import fsspec

from models.files import carry_file, create_bytes, write_bytes
from pipelines.errors import MalgilError
from pipelines.io.faults import is_outage
from pipelines.io.filesystems import describe_fault, open_filesystem

log = logging.getLogger(__name__)

Manifest = dict[str, Any]
MANIFEST = "manifest.json"
_ORIGIN = "origin.json"
_OUTAGES = 2  # of HDFS, which one output is written again after


@dataclass(frozen=True)
class StoreConfig:
    root: str = "var/store"  # a URL (file://, hdfs://host:port/…) or a path, relative to the project's folder


def content_id(*parts: object) -> str:
    """Sixteen hex digits that stand for the parts (anything JSON can say): equal parts, equal id."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Listing:
    """The files of an input: their URLs, and a fingerprint that changes when a file does."""

    urls: tuple[str, ...]
    fingerprint: str


@dataclass(frozen=True)
class Maker:
    """Who makes an output, as its origin tells it: a job's run, whose record stands in the store."""

    job: str
    run_id: str
    now: str  # the run's one clock, ISO 8601


class Store:
    """Outputs by kind and id under one root URL. Those that a `maker` publishes name it."""

    def __init__(self, config: StoreConfig, maker: Maker | None = None) -> None:
        self._fs, path = open_filesystem(config.root)
        self.root = self._fs.unstrip_protocol(path)
        self._origin: dict[str, Any] = {"made_by": asdict(maker)} if maker else {}
        self.made: dict[str, Mapping[str, Any]] = {}  # what was published here so far, each with what it was made from

    def made_from(self, **inputs: Any) -> "Store":
        """The same store; what is published in it says that it was made from these inputs: ids, paths, versions."""
        noting = copy(self)  # `made` stays one for all
        noting._origin = {**self._origin, "made_from": inputs}
        return noting

    def url(self, kind: str, output_id: str, *names: str) -> str:
        """Where an output stands, or will stand."""
        return posixpath.join(self.root, kind, output_id, *names)

    def manifest(self, kind: str, output_id: str) -> Manifest | None:
        """The manifest of a complete output; None where there is none."""
        url = self.url(kind, output_id, MANIFEST)
        return self.read_json(url) if self._fs.exists(url) else None

    def origin(self, kind: str, output_id: str) -> dict[str, Any]:
        """Of a complete output: `made_by`, a Maker, and `made_from`, its inputs; each as far as it was noted."""
        url = self.url(kind, output_id, _ORIGIN)
        return self.read_json(url) if self._fs.exists(url) else {}

    def outputs_of(self, run_id: str) -> list[str]:
        """The complete outputs that a run made, as `<kind>/<id>`; every output's origin is read."""
        levels = (
            f"{self.root}/[!.]*/[!.]*/{_ORIGIN}",
            f"{self.root}/[!.]*/[!.]*/[!.]*/{_ORIGIN}",
        )  # of feedback: a day
        found = sorted(path for level in levels for path in self._fs.glob(level))
        root = self._fs._strip_protocol(self.root)
        made = (path for path in found if self.read_json(path).get("made_by", {}).get("run_id") == run_id)
        return [posixpath.dirname(path).removeprefix(f"{root}/") for path in made]

    def outputs(self, kind: str) -> list[str]:
        """Ids of the complete outputs of a kind, the oldest first."""
        manifests = self._fs.glob(f"{self.root}/{kind}/[!.]*/{MANIFEST}")  # a draft's name begins with a dot
        by_age = sorted(manifests, key=lambda path: _changed_at(self._fs.info(path)))
        return [path.split("/")[-2] for path in by_age]

    def list_names(self, *folders: str) -> list[str]:
        """Names in a folder below the root; none where there is no such folder."""
        url = posixpath.join(self.root, *folders)
        return [posixpath.basename(path) for path in self._fs.ls(url, detail=False)] if self.exists(url) else []

    def publish(self, kind: str, output_id: str, write: Callable[[str], Mapping[str, Any]]) -> Manifest:
        """Make the output `kind/output_id`, visible all at once.

        `write` gets the URL of an empty folder to fill and returns the manifest. If another run published the
        same id meanwhile, that one stays. Outputs are immutable: call `manifest` first to skip the work. Raises
        MalgilError where the store cannot be written to. Where HDFS loses the DataNodes that it is written to,
        `write` is called again, when they are back.
        """
        target, draft = self.url(kind, output_id), self.url(kind, f".{output_id}.draft")
        manifest = self._fill(draft, write)
        if self._origin:
            self.write_json(posixpath.join(draft, _ORIGIN), self._origin)
        self.write_json(posixpath.join(draft, MANIFEST), manifest)
        if not self._fs.exists(target):
            with suppress(FileExistsError):  # HDFS says so where another run was faster just now
                self._fs.mv(draft, target, recursive=True)
        self.remove(draft)
        self.made[f"{kind}/{output_id}"] = self._origin.get("made_from", {})
        return cast(Manifest, self.manifest(kind, output_id))

    def _fill(self, draft: str, write: Callable[[str], Mapping[str, Any]]) -> Manifest:
        for _ in range(_OUTAGES):
            self._make_empty(draft)
            try:
                return dict(write(draft))
            except Exception as error:
                if not is_outage(error):
                    raise
                log.warning("%s: HDFS lost its DataNode while it was written to; it is written again", draft)
            self.write_text(posixpath.join(draft, ".probe"), ".")  # waits for a DataNode
        self._make_empty(draft)
        return dict(write(draft))

    def _make_empty(self, folder: str) -> None:
        try:
            self.remove(folder)
            self._fs.makedirs(folder)
        except (OSError, RuntimeError) as error:
            raise cannot_write(self.root, error) from error

    def read_json(self, url: str) -> dict[str, Any]:
        return cast(dict[str, Any], json.loads(self._fs.cat_file(url)))

    def read_text(self, url: str) -> str:
        return cast(bytes, self._fs.cat_file(url)).decode()

    def write_json(self, url: str, value: Mapping[str, Any]) -> None:
        """Replace the file as a whole: a reader sees the old text or the new one."""
        self.write_text(url, json.dumps(value, ensure_ascii=False, indent=1))

    def create_json(self, url: str, value: Mapping[str, Any]) -> bool:
        """Write the file where none is; whether it did. Of several at once, one does."""
        return create_bytes(url, json.dumps(value, ensure_ascii=False, indent=1).encode())

    def write_text(self, url: str, text: str) -> None:
        """Replace the file as a whole: a reader sees the old text or the new one."""
        write_bytes(url, text.encode())

    def move(self, source: str, target: str) -> None:
        self._fs.mv(source, target, recursive=True)

    def carry(self, source: str, target: str) -> None:
        """The same file at `target` as well; it stays there when `source` goes. For files that nobody changes."""
        self._fs.makedirs(posixpath.dirname(self._fs._strip_protocol(target)), exist_ok=True)
        carry_file(source, target)

    def exists(self, url: str) -> bool:
        return bool(self._fs.exists(url))

    def remove(self, url: str) -> None:
        if self._fs.exists(url):
            self._fs.rm(url, recursive=True)


def cannot_write(root: str, error: Exception) -> MalgilError:
    """For a store that refused."""
    return MalgilError(
        f"store.root: expected to write to {root}, received: {describe_fault(error)}; see its rights, its space and "
        "whether it is read-only, or set another"
    )


def list_files(path: str) -> Listing:
    """The data files of a file, folder or glob, deepest folders included; hidden files and folders (._ ) left out.

    The fingerprint is made of each file's path, size and time of change: it is cheap on any number of files.
    """
    fs, root = open_filesystem(path)
    tops = [root] if fs.exists(root) else [name for name in fs.glob(root) if not _is_hidden(name)]
    files = {info["name"]: info for top in tops for info in _find(fs, top)}
    facts = [(name, info["size"], _changed_at(info)) for name, info in sorted(files.items())]
    return Listing(tuple(fs.unstrip_protocol(name) for name, _, _ in facts), content_id(facts))


def _find(fs: fsspec.AbstractFileSystem, path: str) -> Iterator[Mapping[str, Any]]:
    """Every file below a folder, or the file itself. fsspec's own find leaves out what it could not read."""
    for info in fs.ls(path, detail=True):
        if info["type"] == "directory" and not _is_hidden(info["name"]):
            yield from _find(fs, info["name"])
        elif not _is_hidden(info["name"]):
            yield info


def _is_hidden(name: str) -> bool:
    return posixpath.basename(name).startswith(("_", "."))


def _changed_at(info: Mapping[str, Any]) -> str:
    keys = ("mtime", "modification_time", "modificationTime", "modified")  # local, HDFS, WebHDFS, others
    return str(next((info[key] for key in keys if info.get(key)), ""))
