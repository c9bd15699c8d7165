"""When each flow runs: what the settings say for one flow wins over what they say for all."""

import pytest
from dagster import DefaultScheduleStatus, DefaultSensorStatus

from winbc_pipeline.build import build_defs
from winbc_pipeline.errors import ConfigurationError
from winbc_pipeline.settings import FlowSettings, Settings, load_settings

ORDERS, PRODUCTS = "orders_winstore_to_bc", "products_winstore_to_bc"


def with_orders(**own: object) -> Settings:
    return Settings(
        sensors=True, schedules=True, sensor_seconds=30, sweep_cron="0 * * * *", flows={ORDERS: FlowSettings(**own)}
    )


@pytest.mark.parametrize(("flow", "seconds"), [(ORDERS, 600), (PRODUCTS, 30)])
def test_a_flow_asks_as_often_as_its_own_section_says(flow: str, seconds: int) -> None:
    """A second less, as the daemon may look a moment early."""
    definitions = build_defs(settings=with_orders(sensor_seconds=600))
    assert definitions.resolve_sensor_def(f"{flow}_changes").minimum_interval_seconds == seconds - 1


def test_a_flow_that_asks_each_second_is_due_at_each_look_of_the_daemon() -> None:
    """It looks every 5 s, a moment early or late: an interval of 5 s would miss every second look."""
    definitions = build_defs(settings=with_orders(sensor_seconds=1))
    assert definitions.resolve_sensor_def(f"{ORDERS}_changes").minimum_interval_seconds == 1


@pytest.mark.parametrize(("flow", "cron"), [(ORDERS, "*/15 * * * *"), (PRODUCTS, "0 * * * *")])
def test_a_flow_is_swept_when_its_own_section_says(flow: str, cron: str) -> None:
    definitions = build_defs(settings=with_orders(cron="*/15 * * * *"))
    assert definitions.resolve_schedule_def(f"{flow}_sweep").cron_schedule == cron


def test_a_flow_is_switched_off_alone() -> None:
    definitions = build_defs(settings=with_orders(sensors=False, schedules=False))
    sensors = {flow: definitions.resolve_sensor_def(f"{flow}_changes").default_status for flow in (ORDERS, PRODUCTS)}
    assert sensors == {ORDERS: DefaultSensorStatus.STOPPED, PRODUCTS: DefaultSensorStatus.RUNNING}
    names = [f"{ORDERS}_sweep", f"{ORDERS}_duplicates_nightly", f"{PRODUCTS}_sweep", "run_retention_nightly"]
    stopped = [n for n in names if definitions.resolve_schedule_def(n).default_status == DefaultScheduleStatus.STOPPED]
    assert stopped == names[:2]


def test_the_environment_sets_a_flow_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINBC_FLOWS__ORDERS_WINSTORE_TO_BC__SENSOR_SECONDS", "60")
    assert load_settings().timing(ORDERS).sensor_seconds == 60


@pytest.mark.parametrize(
    ("settings", "name"),
    [(Settings(sweep_cron="hourly"), "sweep_cron"), (with_orders(cron="61 * * * *"), f"flows.{ORDERS}.cron")],
)
def test_a_wrong_cron_is_named_with_an_example(settings: Settings, name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"E-CONFIG: The setting {name}: .* is no cron expression.*hourly"):
        build_defs(settings=settings)


def test_a_flow_that_does_not_exist_is_named_with_those_that_do() -> None:
    settings = Settings(flows={"orders": FlowSettings(cron="0 3 * * *")})
    with pytest.raises(ConfigurationError, match=f"there is no flow orders. Choose one of .*{ORDERS}"):
        build_defs(settings=settings)
