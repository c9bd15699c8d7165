"""What is sent to those who help holds no personal data and no secret, wherever these are."""

import zipfile
from itertools import islice
from pathlib import Path

import orjson
import pytest

from winbc_pipeline.errors import NotDone
from winbc_pipeline.flows import FLOWS
from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.settings import Settings, load_settings
from winbc_pipeline.staging import ledger
from winbc_pipeline.staging.ledger import Move, State
from winbc_pipeline.staging.store import Store
from winbc_pipeline.workbench.checks import checks
from winbc_pipeline.workbench.keeping import support_bundle
from winbc_pipeline.workbench.keeping.support_bundle import code_of, make

CANARY = "Canary7f3a"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A connection that has the canary wherever a person or a secret may be."""
    monkeypatch.chdir(tmp_path)
    secrets = f"WINBC_BC__CLIENT_SECRET={CANARY}-1\nWINBC_WINSTORE__PASSWORD={CANARY}-2\n"
    Path(".env").write_text(f"{secrets}WINBC_ALERTS__URLS__HOOK=json://{CANARY}-3\n")
    Path(".env").chmod(0o600)
    Path("winbc.toml").write_text(
        f'[bc]\ncompany = "{CANARY}"\nuser = "{CANARY}"\nclient_id = "{CANARY}"\n'
        f'base_url = "https://api.businesscentral.dynamics.com/v2.0/{CANARY}/api"\n'
        f'[winstore]\nbase_url = "http://127.0.0.1:1/{CANARY}"\nuser = "{CANARY}"\n'
    )
    home = tmp_path / ".winbc" / "default" / "dagster_home"
    home.mkdir(parents=True)
    (home / "dagster.yaml").write_text(
        f"storage:\n  postgres_url: postgresql://x:{CANARY}@db\nnux:\n  enabled: false\n"
    )
    made = load_settings()
    store = Store(made.flow_database(ORDERS_TO_BC.id))
    known = {
        "reason": "BC_REFUSED",
        "message": f"Application_DialogException: {CANARY} is blocked",
        "target_no": CANARY,
    }
    ledger.move(store, [Move("order", CANARY, State.FAILED, known)], CANARY)
    with store.open() as connection:
        connection.execute(f"CREATE TABLE staging_winstore_orders AS SELECT '{CANARY}' AS lname")
        connection.execute(f"INSERT INTO sent_payload (key, body) VALUES ('{CANARY}', '{CANARY}')")
    return made


@pytest.fixture(autouse=True)
def of_this_machine_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The checks that ask no system: the others wait for an answer."""
    monkeypatch.setattr(support_bundle, "checks", lambda settings: islice(checks(settings), 2))


def unpacked(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as bundle:
        return {name: bundle.read(name) for name in bundle.namelist()}


def test_no_byte_of_it_is_of_a_person_or_a_secret(settings: Settings, tmp_path: Path) -> None:
    files = unpacked(make(settings, tmp_path / "bundle.zip", []))
    assert CANARY.lower().encode() not in b"".join(files.values()).lower()
    assert not any(str(tmp_path).encode() in content for content in files.values()), "nor a path of this machine"


@pytest.mark.parametrize("secret", [f"{CANARY}-1", f"json://{CANARY}-3"])
def test_a_secret_that_an_error_repeats_is_left_out(settings: Settings, tmp_path: Path, secret: str) -> None:
    files = unpacked(make(settings, tmp_path / "bundle.zip", [{"errors": [f"{secret} is wrong"]}]))
    assert b"(left out) is wrong" in files["runs.json"]
    assert CANARY.encode() not in files["runs.json"]


def test_it_tells_what_helps(settings: Settings, tmp_path: Path) -> None:
    run = {"job": "orders_winstore_to_bc", "errors": ["E-AUTH"]}
    files = unpacked(make(settings, tmp_path / "bundle.zip", [run], with_checks=False))
    told = {name: orjson.loads(content) for name, content in files.items() if name.endswith(".json")}
    (flow,) = told["ledger.json"]
    assert [(row["state"], row["reason"], row["records"]) for row in flow["states"]] == [("FAILED", "BC_REFUSED", 1)]
    assert flow["failures"][0]["code"] == "Application_DialogException"
    assert told["runs.json"] == [run]
    assert told["settings.json"]["bc"]["client_secret"] == "set"
    assert told["settings.json"]["winstore"]["base_url"] == "http://127.0.0.1:1/…"
    assert told["databases.json"][0]["rows"]["staging_winstore_orders"] == 1
    assert {"dagster", "duckdb"} <= told["versions.json"]["libraries"].keys()
    assert b"enabled: false" in files["dagster.yaml"]


@pytest.mark.files
def test_it_is_made_although_a_database_is_damaged(settings: Settings, tmp_path: Path) -> None:
    settings.flow_database(ORDERS_TO_BC.id).write_bytes(b"no database" * 1000)
    files = unpacked(make(settings, tmp_path / "bundle.zip", []))
    assert orjson.loads(files["ledger.json"]) == [{"flow": ORDERS_TO_BC.id, "error": "E-DB"}]
    assert "E-DB" in files["databases.json"].decode()
    assert orjson.loads(files["checks.json"])[0] == {"check": "This machine", "passed": False, "error": "E-DB"}


def test_it_is_made_while_the_server_of_the_state_is_away(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WINBC_STATE__DATABASE", "postgresql://winbc@127.0.0.1:1/winbc")
    files = unpacked(make(load_settings(), tmp_path / "bundle.zip", []))
    assert orjson.loads(files["ledger.json"])[0] == {"flow": FLOWS[0].id, "error": "E-STATE"}
    assert orjson.loads(files["databases.json"])[-1] == {"error": "E-STATE"}


def test_a_file_that_is_there_stays(settings: Settings) -> None:
    with pytest.raises(NotDone, match="is there already"):
        make(settings, Path("winbc.toml"), [])


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("Application_DialogException: Anna is blocked", "Application_DialogException"),
        ("Anna: is blocked", ""),
        ("Anna O'Neil", ""),
        (None, ""),
    ],
)
def test_of_a_systems_words_only_the_code_is_told(message: str | None, code: str) -> None:
    assert code_of(message) == code
