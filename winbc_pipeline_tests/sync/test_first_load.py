"""A first load of articles with 30 SKUs from a Winstore that gives two at a time, killed on the way.

Source of the volume: winstore.md section 3 (an article has up to 30 variants, and two articles come per run).
"""

import re
import signal
import time
from datetime import UTC, datetime
from urllib.parse import unquote

import pytest

from winbc_pipeline.flows import flow_named
from winbc_pipeline.sandbox.retail import write_folder
from winbc_pipeline.sandbox.volume import articles
from winbc_pipeline.sandbox.winstore import ShopOptions, create_app
from winbc_pipeline.settings import load_settings
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.reading.stage import stage

from ..support import forked
from ..support.sandboxes import FIRST, HTTP, Sandboxes, environment_of
from ..support.servers import Servers

PER_CALL, SKUS = 2, 30
UNTIL = datetime(2026, 3, 1, tzinfo=UTC)
AT_ONCE = {"modified_at": "2026-02-01T10:00:00.000Z"}


def fill(sandboxes: Sandboxes, servers: Servers, count: int, call_s: float = 0, at_once: bool = False) -> None:
    """Puts so many articles into a Winstore whose calls take so long.

    Args:
        at_once: whether all were modified in one moment, as after an import.
    """
    servers.winstore.replace(create_app(None, ShopOptions(PER_CALL, call_s)))
    rows = [row | (AT_ONCE if at_once else {}) for row in articles(count, SKUS, UNTIL)]
    write_folder(sandboxes.folder / "shop", {"articles": rows, "customers": []})
    sandboxes.seed(sandboxes.folder / "shop")


def questions(sandboxes: Sandboxes) -> list[str]:
    """Behind which article each answer was to begin, in all calls so far."""
    calls = HTTP.get(f"{sandboxes.addresses.winstore_control}/__log").json()["calls"]
    found = (re.search(r"after=([^?&]+)", unquote(call["path"])) for call in calls)
    return [each.group(1) if each else "" for each in found]


def products() -> ConnectedFlow:
    return ConnectedFlow(flow_named("products"), load_settings())


def staged() -> int:
    """The number of SKUs in the staging table."""
    with products().store.open() as database:
        row = database.execute("SELECT count(DISTINCT _key) FROM staging_winstore_articles").fetchone()
        return int(row[0]) if row else 0


@pytest.mark.proof
@pytest.mark.parametrize("at_once", [False, True], ids=["evenly", "at once"])
def test_a_first_load_that_is_killed_three_times_asks_again_for_what_was_not_committed_only(
    sandboxes: Sandboxes, servers: Servers, monkeypatch: pytest.MonkeyPatch, at_once: bool
) -> None:
    """Each page is committed by itself, so at most those on their way are asked for again (staging/spool.py)."""
    count, dies_at, on_their_way = 50, 7, 3
    for name, value in environment_of(sandboxes).items():
        monkeypatch.setenv(name, value)
    fill(sandboxes, servers, count, at_once=at_once)
    for _ in range(3):
        assert forked.signal_of(forked.staging("products", {}, dies_at)) == signal.SIGKILL
    stage(products(), FIRST)
    asked = questions(sandboxes)
    assert staged() == count * SKUS
    assert len(asked) - len(set(asked)) <= 3 * on_their_way
    assert len(set(asked)) == count / PER_CALL + 1, "every two articles by one call, and one call that finds no more"


@pytest.mark.soak
def test_a_load_of_twelve_minutes_takes_little_longer_than_its_calls_and_little_of_it_twice(
    sandboxes: Sandboxes, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """5,000 articles of 30 SKUs, 0.3 s a call, killed at minutes 3, 7 and 11."""
    count, call_s, again_s, share = 5000, 0.3, 30, 1.1
    for name, value in environment_of(sandboxes).items():
        monkeypatch.setenv(name, value)
    fill(sandboxes, servers, count, call_s)
    began = time.monotonic()
    for minute in (3, 7, 11):
        process = forked.loading("products", {})
        process.join(began + 60 * minute - time.monotonic())
        assert process.is_alive(), "the load was at work when it was killed"
        process.kill()
        process.join()
    assert forked.signal_of(forked.loading("products", {})) == 0
    seconds = time.monotonic() - began
    asked = questions(sandboxes)
    assert staged() == count * SKUS
    assert (len(asked) - len(set(asked))) * call_s <= 3 * again_s
    assert seconds <= share * len(asked) * call_s
