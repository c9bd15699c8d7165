"""Dagster's runs and ticks stay open, and are what Dagster itself would have made of them.

Source of the promise: docs/operations.md, "A long time at once". The names of Dagster's inside are held here.
"""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster._core.scheduler.instigation import InstigatorTick, InstigatorType, TickData, TickStatus
from dagster._core.storage.runs.sql_run_storage import SqlRunStorage
from dagster._core.storage.schedules.sql_schedule_storage import SqlScheduleStorage
from dagster._core.storage.schedules.sqlite.sqlite_schedule_storage import SqliteScheduleStorage

from winbc_pipeline.orchestration.storage.records import PURGED_EVERY_S, KeptFile, KeptOpenRuns, KeptOpenTicks

ORIGIN, SENSOR = "origin", "sensor"


@pytest.fixture
def ticks(tmp_path: Path) -> Iterator[KeptOpenTicks]:
    made = KeptOpenTicks(SqliteScheduleStorage.from_local(str(tmp_path))._conn_string)
    yield made
    made.dispose()


def ticked(ticks: SqliteScheduleStorage, moment: float = 1_000_000.0) -> None:
    data = TickData(ORIGIN, "orders", InstigatorType.SENSOR, TickStatus.SKIPPED, moment, selector_id=SENSOR)
    ticks.create_tick(data)


def seen(ticks: SqliteScheduleStorage) -> list[InstigatorTick]:
    return list(ticks.get_ticks(ORIGIN, SENSOR))


@pytest.fixture
def file(ticks: KeptOpenTicks) -> KeptFile:
    return ticks.file


def test_dagster_reads_what_it_has_written_and_it_sees_what_dagster_writes(ticks: KeptOpenTicks) -> None:
    plain = SqliteScheduleStorage(ticks._conn_string)
    ticked(ticks)
    assert len(seen(plain)) == 1
    ticked(plain)
    assert len(seen(ticks)) == 2


def test_a_fault_takes_its_whole_transaction_back_and_the_next_one_goes_on(
    ticks: KeptOpenTicks, file: KeptFile
) -> None:
    with pytest.raises(ZeroDivisionError), file.transaction():
        ticked(ticks)
        raise ZeroDivisionError
    assert seen(ticks) == []
    ticked(ticks)
    assert len(seen(ticks)) == 1


def test_threads_take_turns(ticks: KeptOpenTicks) -> None:
    threads = [threading.Thread(target=ticked, args=(ticks,)) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(seen(ticks)) == len(threads)


def test_old_ticks_are_deleted_once_an_hour(ticks: KeptOpenTicks, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks.purge_ticks(ORIGIN, SENSOR, 2_000_000.0, [TickStatus.SKIPPED])
    ticked(ticks)
    ticks.purge_ticks(ORIGIN, SENSOR, 2_000_000.0, [TickStatus.SKIPPED])
    assert len(seen(ticks)) == 1
    later = time.monotonic() + PURGED_EVERY_S
    monkeypatch.setattr(time, "monotonic", lambda: later)
    ticks.purge_ticks(ORIGIN, SENSOR, 2_000_000.0, [TickStatus.SKIPPED])
    assert seen(ticks) == []


def test_what_a_file_lacks_is_asked_again_until_it_is_there(file: KeptFile) -> None:
    answers = iter([False, True])
    assert not file.once("column", lambda: next(answers))
    assert file.once("column", lambda: next(answers))
    assert file.once("column", lambda: next(answers))


def test_what_is_used_of_dagsters_inside_is_there() -> None:
    for storage, base in ((KeptOpenRuns, SqlRunStorage), (KeptOpenTicks, SqlScheduleStorage)):
        own = {name for name, value in vars(storage).items() if callable(value) and not name.startswith("__")}
        assert [name for name in own if not hasattr(base, name)] == []
