"""Windows of a day, a week or a month: every day has its window, and another length loses nothing that was done."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from dagster import AssetKey, DagsterInstance, ExecuteInProcessResult, build_schedule_context, build_sensor_context
from hypothesis import given
from hypothesis import strategies as st

from winbc_pipeline.build import build_defs
from winbc_pipeline.flows.customers import CUSTOMERS
from winbc_pipeline.orchestration.windows import RANGE_END, RANGE_START, partition_key, partitions, range_tags
from winbc_pipeline.settings import Settings
from winbc_pipeline.staging import ledger
from winbc_pipeline.sync.connected import ConnectedFlow

from ..support.sandboxes import Sandboxes

pytestmark = pytest.mark.proof

FLOW = CUSTOMERS.id
LENGTHS = ("day", "week", "month")
WEEKS = (("week", "day"), ("day", "week"))
DAYS = (date(2026, 3, 1), date(2026, 3, 4))  # the end of one week, and the beginning of the next
SECOND = {"customer_id": "2", "email": "b@mail.example", "modified_at": "2026-03-04T10:00:00.000Z"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def by(sandboxes: Sandboxes, window: str) -> Settings:
    """The same connection with windows of another length."""
    sandboxes.settings = sandboxes.settings.model_copy(update={"window": window})
    return sandboxes.settings


def run_days(settings: Settings, instance: DagsterInstance) -> ExecuteInProcessResult:
    job = build_defs(settings=settings).resolve_job_def(FLOW)
    return job.execute_in_process(instance=instance, tags=range_tags(*DAYS, settings), raise_on_error=False)


@pytest.mark.parametrize("window", LENGTHS)
@given(start=st.dates(date(2020, 1, 1), date(2026, 12, 31)), after=st.integers(0, 1500))
def test_every_day_of_history_lies_in_a_window(window: str, start: date, after: int) -> None:
    day = start + timedelta(days=after)
    settings = Settings(history_start=start, window=window)
    now = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    keys = partitions(settings).get_partition_keys(now)
    assert partition_key(start, settings) == keys[0]
    assert partition_key(day, settings) == keys[-1], "the window of today is open"


@pytest.mark.parametrize(("window", "key"), [("day", "2026-03-05"), ("week", "2026-03-02"), ("month", "2026-03")])
def test_a_window_is_named_by_its_first_day_or_its_month(window: str, key: str) -> None:
    assert partition_key(date(2026, 3, 5), Settings(window=window)) == key


@pytest.mark.parametrize("window", LENGTHS)
def test_a_window_counts_all_its_days(sandboxes: Sandboxes, home: Path, window: str) -> None:
    sandboxes.fill(customers=[{}, SECOND])
    settings = by(sandboxes, window)
    with DagsterInstance.local_temp(str(home)) as instance:
        assert run_days(settings, instance).success
        shown = instance.fetch_materializations(AssetKey(("synced", FLOW)), limit=100).records
        counts = {
            each.partition_key: each.asset_materialization.metadata["dagster/partition_row_count"].value
            for each in shown
            if each.asset_materialization
        }
    rows = {key: count for key, count in counts.items() if count}
    expected = {"day": {"2026-03-01": 1, "2026-03-04": 1}, "month": {"2026-03": 2}}
    assert rows == expected.get(window, {"2026-02-23": 1, "2026-03-02": 1})


@pytest.mark.parametrize(
    ("before", "after"),
    [("day", "month"), ("month", "day"), *(pytest.param(*each, marks=pytest.mark.proof) for each in WEEKS)],
)
def test_another_length_keeps_ledger_and_staging(sandboxes: Sandboxes, home: Path, before: str, after: str) -> None:
    sandboxes.fill(customers=[{}, SECOND])
    with DagsterInstance.local_temp(str(home)) as instance:
        settings = by(sandboxes, before)
        assert run_days(settings, instance).success
        known = ledger.read(ConnectedFlow(CUSTOMERS, settings).store)
        writes = len(sandboxes.bc()["writes"])

        settings = by(sandboxes, after)
        assert run_days(settings, instance).success
        assert len(sandboxes.bc()["writes"]) == writes, "what was sent is known"
        assert ledger.read(ConnectedFlow(CUSTOMERS, settings).store) == known
        key = partition_key(DAYS[1], settings)
        assert key in instance.get_materialized_partitions(AssetKey(("synced", FLOW)))


def test_a_failed_record_makes_its_month_red_and_no_other(sandboxes: Sandboxes, home: Path) -> None:
    broken = {"customer_id": "2", "email": "no-at-sign", "modified_at": "2026-04-20T10:00:00.000Z"}
    sandboxes.fill(customers=[{}, broken])
    settings = by(sandboxes, "month")
    job = build_defs(settings=settings).resolve_job_def(FLOW)
    with DagsterInstance.local_temp(str(home)) as instance:
        tags = range_tags(DAYS[0], date(2026, 4, 30), settings)
        assert not job.execute_in_process(instance=instance, tags=tags, raise_on_error=False).success
        assert instance.get_materialized_partitions(AssetKey(("synced", FLOW))) == {"2026-03"}


def test_nothing_from_before_the_start_of_history_is_read(sandboxes: Sandboxes, home: Path) -> None:
    sandboxes.fill(customers=[{}, SECOND])
    sandboxes.settings = sandboxes.settings.model_copy(update={"history_start": date(2026, 3, 3)})
    with DagsterInstance.local_temp(str(home)) as instance:
        assert run_days(by(sandboxes, "month"), instance).success
    assert {row["key"] for row in sandboxes.ledger("customers").values()} == {"2"}


def test_the_sensor_asks_for_the_windows_that_hold_the_change(sandboxes: Sandboxes) -> None:
    sandboxes.fill()
    sandboxes.sync("products")
    sandboxes.fill(articles=[{"modified_at": "2026-04-02T10:00:00.000Z"}])
    settings = by(sandboxes, "month")
    sensor = build_defs(settings=settings).resolve_sensor_def("products_winstore_to_bc_changes")
    with DagsterInstance.ephemeral() as instance, build_sensor_context(instance) as context:
        (request,) = sensor.evaluate_tick(context).run_requests
    assert request.tags[RANGE_START] == "2026-04"


def test_the_sweep_asks_once_for_a_month_with_two_failed_days(sandboxes: Sandboxes) -> None:
    broken = [{"sku": f"S{day}", "article_key": f"{day}", "name": "x" * 101} for day in (2, 9)]
    rows = [row | {"modified_at": f"2026-03-{int(row['article_key']):02}T10:00:00.000Z"} for row in broken]
    later = {"sku": "SKU-2", "article_key": "77", "modified_at": "2026-05-01T10:00:00.000Z"}
    sandboxes.fill(articles=[*rows, later])
    sandboxes.sync("products")
    schedule = build_defs(settings=by(sandboxes, "month")).resolve_schedule_def("products_winstore_to_bc_sweep")
    now = datetime(2026, 5, 2, tzinfo=UTC)
    with DagsterInstance.ephemeral() as instance, build_schedule_context(instance, now) as context:
        requests = schedule.evaluate_tick(context).run_requests
    spans = [(request.tags[RANGE_START], request.tags[RANGE_END]) for request in requests]
    assert spans == [("2026-05", "2026-05"), ("2026-03", "2026-03")]
