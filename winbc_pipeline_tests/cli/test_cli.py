"""The `winbc` command: every slip gets one line that says what, where and what to do; never a traceback."""

import csv
import io
import re
import shutil
import sys
from pathlib import Path

import pytest
from dotenv import dotenv_values

from winbc_pipeline.cli.main import main
from winbc_pipeline.cli.sandbox import _print_addresses
from winbc_pipeline.sandbox.server import Addresses, with_winstore
from winbc_pipeline.settings import Settings

from ..support.sandboxes import Sandboxes


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Exit code, and all that was printed."""
    monkeypatch.setattr(sys, "argv", ["winbc", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    captured = capsys.readouterr()
    return int(ended.value.code or 0), " ".join((captured.out + captured.err).split())


def as_commands_see_it(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of a test count for commands too."""
    bc, winstore = settings.bc, settings.winstore
    given = {
        "DATA_FOLDER": settings.data_folder,
        "MAPPING_FOLDER": settings.mapping_folder,
        "HISTORY_START": settings.history_start,
        "GUARDS__ENABLED": settings.guards.enabled,
        "BC__BASE_URL": bc.base_url,
        "BC__COMPANY": bc.company,
        "BC__USER": bc.user,
        "BC__PASSWORD": bc.password and bc.password.get_secret_value(),
        "WINSTORE__BASE_URL": winstore.base_url,
        "WINSTORE__USER": winstore.user,
        "WINSTORE__PASSWORD": winstore.password and winstore.password.get_secret_value(),
    }
    monkeypatch.chdir(settings.data_folder)
    for name, value in given.items():
        if value is not None:
            monkeypatch.setenv(f"WINBC_{name}", str(value))


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("shoe_size = 9", "winbc.toml: shoe_size is not a setting"),
        ("timeout_s = -1", "winbc.toml: timeout_s: Input should be greater than 0"),
        ('connection = "../../elsewhere"', "winbc.toml: connection"),
        ("[bc]\nbatch_size = 101", "winbc.toml: bc.batch_size: Input should be less than or equal to 100"),
        ('[bc]\nclient_secret = "s3cret"', "bc.client_secret is a secret"),
        ("history_start = ", "winbc.toml"),
        ('[winstore]\ntime_zone = "Europe/Utrecht"', "winstore.time_zone: invalid timezone: Europe/Utrecht"),
        ("[flows.orders]\nsensors = true", "flows.orders: there is no flow orders. Choose one of customers_winstore"),
        ("[flows.orders_bc_to_winstore]\nsensor_seconds = 0", "sensor_seconds: Input should be greater than 0"),
    ],
)
def test_a_wrong_setting_is_named_with_what_was_expected(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, toml: str, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "winbc.toml").write_text(toml)
    code, printed = run(monkeypatch, capsys, "status")
    assert code == 3, "the set-up is wrong"
    assert words in printed
    assert "s3cret" not in printed
    assert "Traceback" not in printed


def test_the_status_shows_when_each_flow_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")
    own = '[flows.orders_winstore_to_bc]\nsensor_seconds = 60\ncron = "*/15 * * * *"'
    (tmp_path / "winbc.toml").write_text(f"sensors = true\nschedules = true\n{own}\n")
    _, printed = run(monkeypatch, capsys, "status")
    assert "orders_winstore_to_bc late never yes every 60 s */15 * * * *" in printed
    assert "products_winstore_to_bc late never yes every 1 s 0 * * * *" in printed


def test_a_settings_file_in_another_encoding_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "winbc.toml").write_bytes('[bc]\ncompany = "Bäckerei"'.encode("latin-1"))
    assert "It is a TOML file in UTF-8." in run(monkeypatch, capsys, "status")[1]


def test_a_slip_in_the_name_of_a_variable_is_not_ignored(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WINBC_SENSOR", "true")
    assert "the environment: WINBC_SENSOR is not a setting" in run(monkeypatch, capsys, "status")[1]


def test_what_others_read_may_stand_in_the_same_env_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("DAGSTER_HOME=/somewhere\nWINBC_CONNECTION=shop\n")
    assert run(monkeypatch, capsys, "records", "--flow", "stock")[0] == 0
    assert (tmp_path / ".winbc" / "shop").is_dir()


def test_home_is_the_folder_whose_settings_and_data_a_command_uses(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "winbc.toml").write_text('connection = "utrecht"')
    assert run(monkeypatch, capsys, "--home", "shop", "records", "--flow", "stock")[0] == 0
    assert (tmp_path / "shop" / ".winbc" / "utrecht").is_dir()
    monkeypatch.chdir(tmp_path)
    assert "E-CONFIG: nowhere is no folder to work in" in run(monkeypatch, capsys, "--home", "nowhere", "status")[1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["sync", "customers", "--from", "2026-13-45"], "2026-13-45 is not a day"),
        (["sync", "customers", "--from", "2026-03-02", "--to", "2026-03-01"], "is later than"),
        (["sync", "nothing"], "no flow nothing"),
        (["demo", "--once", "--sample", "nowhere"], "nowhere is no retail folder"),
        (["sandbox", "state", "http://127.0.0.1:1"], "is the sandbox running?"),
        (["check", "--contract", "sap"], "the contract that can be checked is winstore"),
        (["sandbox", "serve", "--bc-version", "12"], "Invalid value for '--bc-version'"),
        (["sandbox", "serve", "--bc-version", "40"], "Invalid value for '--bc-version'"),
        (["sandbox", "serve", "--time-scale", "0"], "Invalid value for '--time-scale'"),
        (["sandbox", "serve", "--clock", "noon"], "noon is no time like 2026-03-01T10:00:00Z"),
    ],
)
def test_wrong_use(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")
    code, printed = run(monkeypatch, capsys, *arguments)
    assert code == 2
    assert words in printed


def test_names_that_look_like_markup_are_shown_as_they_are(
    sandboxes: Sandboxes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sandboxes.fill(articles=[{"sku": "B[red]2", "name": "Shirt [/sale] now"}])
    monkeypatch.setenv("WINBC_MAPPING_FOLDER", str(sandboxes.settings.mapping_folder))
    code, printed = run(monkeypatch, capsys, "plan", "products")
    assert code == 0
    assert "B[red]2" in printed
    assert run(monkeypatch, capsys, "sync", "products")[0] == 0


@pytest.mark.parametrize(("sku", "price"), [("NONE", "1.00"), ("SKU-1", "abc")])
def test_a_change_that_winstore_does_not_take_is_told(
    sandboxes: Sandboxes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], sku: str, price: str
) -> None:
    sandboxes.fill()
    code, printed = run(monkeypatch, capsys, "sandbox", "change", sandboxes.addresses.winstore_base, sku, price)
    assert code == 2
    assert "Winstore did not take it" in printed


@pytest.mark.parametrize("source", ["price * name", "left(gtin, 'a')", "round(gtin, 2)"])
def test_a_formula_that_does_not_fit_its_fields_is_found_before_any_data_is_read(
    sandboxes: Sandboxes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], source: str
) -> None:
    folder = sandboxes.folder / "tables"
    shutil.copytree(sandboxes.settings.mapping_folder, folder)
    table = folder / "products_winstore_to_bc" / "item.csv"
    lines = table.read_text().splitlines()
    place = next(n for n, line in enumerate(lines) if line.startswith("gtin,"))
    lines[place] = f'gtin,"{source}",,always,,'
    table.write_text("\n".join(lines))
    monkeypatch.setenv("WINBC_MAPPING_FOLDER", str(folder))
    code, printed = run(monkeypatch, capsys, "check")
    assert code == 2
    assert f"item.csv, row {place + 1}, column source: a " in printed


@pytest.fixture
def planned(sandboxes: Sandboxes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixty articles that are new, and one that breaks a rule."""
    many = [{"sku": f"S{n:02}", "article_key": f"{n}"} for n in range(60)]
    sandboxes.fill(articles=[*many, {"sku": "BROKEN", "article_key": "99", "name": "x" * 101}])
    monkeypatch.setenv("WINBC_MAPPING_FOLDER", str(sandboxes.settings.mapping_folder))
    monkeypatch.setenv("COLUMNS", "300")


@pytest.mark.usefixtures("planned")
def test_a_plan_begins_with_counts_and_shows_fifty(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = run(monkeypatch, capsys, "plan", "products")[1]
    assert re.search(r"create\W+6[01]\b", printed), "the items, and perhaps their category"
    assert re.search(r"fail\W+MAPPING\W+1\b", printed)
    assert "50 of them shown" in printed
    assert "`--all` shows the others" in printed
    assert "S59" in run(monkeypatch, capsys, "plan", "products", "--all")[1]


@pytest.mark.usefixtures("planned")
def test_a_plan_shows_one_record_and_goes_to_a_spreadsheet(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    printed = run(monkeypatch, capsys, "plan", "products", "--key", "BROKEN", "--csv", "plan.csv")[1]
    assert "1 of them shown" in printed
    with (tmp_path / "plan.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = {row["key"]: row for row in csv.DictReader(file) if row["part"] == "item"}
    assert len(rows) == 61
    assert rows["BROKEN"]["reason"] == "MAPPING"
    assert "displayName" in rows["S01"]["changes"]


def test_a_sandbox_says_that_it_is_ready_in_lines_that_env_can_hold(capsys: pytest.CaptureFixture[str]) -> None:
    """Source of the promise: docs/sandbox.md."""
    addresses = with_winstore(Addresses(), "http://127.0.0.1:8101")
    _print_addresses(addresses, as_json=False)
    printed = capsys.readouterr().out
    assert dotenv_values(stream=io.StringIO(printed)) == addresses.environment()
    assert printed.splitlines()[-1].startswith("# Ready.")


def test_a_problem_that_several_checks_have_is_told_whole_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")
    printed = run(monkeypatch, capsys, "check")[1]
    assert printed.count("winstore.base_url is not set") == 1
    assert "problem Winstore articles: the same as Winstore customers" in printed
