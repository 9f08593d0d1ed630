"""Running `python -m devstack` as people do, and looking for what it left, without its help."""

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def run_devstack(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """How the command ended, and what it said."""
    return subprocess.run(devstack_command(folder, *arguments), cwd=PROJECT, capture_output=True, text=True)


def devstack_command(folder: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "devstack", "--folder", str(folder), *arguments]


def find_processes(folder: Path) -> list[str]:
    """Command lines of all processes that work in the folder, or name it in their arguments or environment."""
    found = (_describe(process, folder) for process in Path("/proc").glob("[0-9]*"))
    return [line for line in found if line]


def _describe(process: Path, folder: Path) -> str:
    try:
        command, environment = ((process / name).read_bytes() for name in ("cmdline", "environ"))
        works_in = (process / "cwd").readlink()
    except OSError:  # it ended while we looked
        return ""
    named = str(folder).encode() in command + environment or works_in.is_relative_to(folder)
    return command.replace(b"\0", b" ").decode(errors="replace") if named else ""
