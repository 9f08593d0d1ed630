"""Real services for development and tests, on loopback.

    python -m devstack up [redis kafka hdfs yarn mlflow]   start these (none named: all), wait until they answer
    python -m devstack status [--json]                     what runs, where, in how much memory
    python -m devstack logs NAME [--lines N]               the end of a daemon's log
    python -m devstack restart NAME                        end a daemon or a service and start it on its data
    python -m devstack down                                end all of it; the data stay in the folder

`--folder` names the stack: stacks in different folders run side by side, each on ports of its own.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from devstack import stack
from devstack.services import SERVICES
from pipelines.errors import MalgilError

FOLDER = Path(__file__).resolve().parents[1] / "var" / "stack"


def main(arguments: Sequence[str]) -> int:
    """The exit code: of `status` 1 where nothing runs or something does not answer."""
    options = _parse(arguments)
    folder = Path(options.folder).resolve()
    match options.command:
        case "up":
            _print_addresses(stack.start_stack(folder, options.names, report=_report, timeout_s=options.timeout_s))
        case "restart":
            stack.restart_daemons(folder, options.name, report=_report, timeout_s=options.timeout_s)
        case "status":
            return _print_status(stack.read_status(folder), is_json=options.json)
        case "logs":
            print(stack.read_log(folder, options.name, options.lines))
        case "down":
            print(f"ended {stack.stop_stack(folder)} processes")
    return 0


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="devstack", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", default=str(FOLDER), help="the stack's data, logs and addresses (%(default)s)")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up")
    up.add_argument("names", nargs="*", type=_name_service, metavar="SERVICE", help=" ".join(SERVICES))
    restart = commands.add_parser("restart")
    for starting in (up, restart):
        starting.add_argument("--timeout-s", type=float, default=120.0, help="until all answer (%(default)s)")
    commands.add_parser("status").add_argument("--json", action="store_true")
    logs = commands.add_parser("logs")
    logs.add_argument("--lines", type=int, default=50)
    for named in (restart, logs):
        named.add_argument("name", metavar="NAME", help="a service or a daemon")
    commands.add_parser("down")
    for command in commands.choices.values():
        command.add_argument("--folder", default=argparse.SUPPRESS, help=argparse.SUPPRESS)  # stands behind it as well
    return parser.parse_args(arguments)


def _name_service(name: str) -> str:
    if name not in SERVICES:
        raise argparse.ArgumentTypeError(f"expected one of {', '.join(SERVICES)}, received {name!r}")
    return name


def _report(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _print_addresses(status: stack.StackStatus) -> None:
    for name, address in status.addresses.items():
        print(f"{name:<8} {address}")
    if "hdfs" in status.addresses:
        print(f"export HADOOP_CONF_DIR={status.hadoop_conf_dir}")


def _print_status(status: stack.StackStatus, *, is_json: bool) -> int:
    running = {name: daemon for name, daemon in status.daemons.items() if daemon.state != "stopped"}
    if is_json:
        print(json.dumps(asdict(status), indent=1, ensure_ascii=False))
    else:
        for name, daemon in running.items():
            print(f"{name:<16} {daemon.state:<10} {daemon.process_id:>8} {daemon.memory_mib:>7.0f} MiB  {daemon.log}")
        print(f"{'in all':<35} {sum(daemon.memory_mib for daemon in running.values()):>8.0f} MiB (PSS)")
        _print_addresses(status)
    return int(not running or any(daemon.state != "ready" for daemon in running.values()))


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except MalgilError as expected:
        sys.exit(f"devstack: {expected}")
    except KeyboardInterrupt:
        sys.exit("devstack: interrupted; what was started goes on: up takes it over, down ends it")
