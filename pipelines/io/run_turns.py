"""One run at a time of what must not overlap, on any machine that shares the store: `turns/<name>/<number>.json`.

The highest number names the run that has its turn, until that has ended. So nobody gives a turn back, a killed run
holds none, and of two runs that want the next number at a time the store lets one have it.
"""

import time
from dataclasses import asdict

from pipelines.errors import MalgilError
from pipelines.io.run_progress import REFRESH_S
from pipelines.io.run_records import read_record
from pipelines.io.seen_runs import STARTED, look_at_run
from pipelines.io.store import Maker, Store

_KIND = "turns"
_WATCHED_S = 5 * REFRESH_S  # that a driver elsewhere, silent for long, gets to say something


def take_turn(store: Store, name: str, run: Maker) -> None:
    """Let this run, which has its record, be the one of this name until it ends.

    Guarantee: no other run that took its turn goes meanwhile, on this machine or on YARN; but for one that could not
    reach the store for over a minute. Raises MalgilError while another one goes.
    """
    number = max((int(found) for found in _list_turns(store, name)), default=0)
    if number:
        _check_over(store, Maker(**store.read_json(_url(store, name, number))))
    if not store.create_json(_url(store, name, number + 1), asdict(run)):
        raise MalgilError(f"{run.job}: another run of the same was quicker just now; wait for it, or run this again")
    for before in _list_turns(store, name):
        if int(before) < number:
            store.remove(_url(store, name, int(before)))


def _check_over(store: Store, holder: Maker) -> None:
    if _goes(store, holder):
        raise MalgilError(
            f"{holder.job}: expected no other run of the same, found {holder.run_id}, which goes since {holder.now}; "
            f"wait for it, or end it: ./spark-submit.sh jobs cancel {holder.run_id}"
        )


def _goes(store: Store, holder: Maker) -> bool:
    record = read_record(store, holder.job, holder.run_id)
    if record is None or record.status != STARTED:
        return False
    seen = look_at_run(store, record)
    if seen.status == STARTED or (record.driver and record.driver.is_here):
        return seen.status == STARTED
    time.sleep(_WATCHED_S)  # it may have been the store that was away
    return look_at_run(store, record).status == STARTED


def _list_turns(store: Store, name: str) -> list[str]:
    names = (found.removesuffix(".json") for found in store.list_names(_KIND, name))
    return [found for found in names if found.isdigit()]


def _url(store: Store, name: str, number: int) -> str:
    return store.url(_KIND, name, f"{number}.json")
