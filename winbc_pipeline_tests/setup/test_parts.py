"""The parts of the set-up one by one: questions, files, directions, connections, and what is shipped in deploy/."""

import re
import shutil
import stat
import subprocess
import sys
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch
from xml.etree import ElementTree

import pytest
import typer.main
import yaml
from click import Command
from rich.console import Console
from typer.testing import CliRunner

from winbc_pipeline.cli.main import app
from winbc_pipeline.cli.setup.desks import Terminal
from winbc_pipeline.errors import ConfigurationError, NotDone, UnreadableAnswer, WinbcError
from winbc_pipeline.flows import FLOWS
from winbc_pipeline.settings import Settings, load_settings
from winbc_pipeline.setup import connections, credentials
from winbc_pipeline.setup import review as review_step
from winbc_pipeline.setup.directions import ask_directions, runs
from winbc_pipeline.setup.files import SettingsFile, put_secret, write_workspace
from winbc_pipeline.setup.questions import Choice, Question, yes_no
from winbc_pipeline.setup.sitting import Sitting
from winbc_pipeline.setup.systems import ask_systems
from winbc_pipeline.workbench.checks import CheckResult
from winbc_pipeline.workbench.rights import NOT_TRIED

from ..support.sandboxes import REPOSITORY

DEPLOY = REPOSITORY / "deploy"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Clerk:
    """Answers by the names of the questions; for the others, the default counts."""

    def __init__(self, **answers: str) -> None:
        self.answers = {name.replace("__", "."): answer for name, answer in answers.items()}
        self.said: list[str] = []

    def ask(self, question: Question) -> str:
        answer = self.answers.get(question.name, question.default or "")
        assert not question.problem(answer), question.problem(answer)
        return answer

    def say(self, words: str) -> None:
        self.said.append(words)

    def tried(self, what: str, found: str, problem: WinbcError | None) -> None:
        self.said.append(f"{what}: {found or problem}")

    def again(self) -> bool:
        return False


class Corrects(Clerk):
    """Wants to correct whatever fails."""

    def again(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "secret", ["plain", "with blank", "it's", 'a"quote', "back\\slash", "$dollar", "#hash", "ünï", "a'b\"c\\"]
)
def test_a_secret_is_read_as_it_was_typed_whatever_it_has(secret: str) -> None:
    put_secret("WINBC_BC__CLIENT_SECRET", secret)
    assert load_settings().bc.client_secret.get_secret_value() == secret


def test_a_secret_that_no_such_file_can_hold_is_refused_and_not_quoted() -> None:
    with pytest.raises(ConfigurationError, match="cannot hold this secret") as refused:
        put_secret("WINBC_BC__PASSWORD", "very ${secret}")
    assert "very" not in str(refused.value)


def test_a_new_secret_replaces_the_old_one_and_other_lines_stay() -> None:
    Path(".env").write_text("DAGSTER_HOME=/x\nWINBC_BC__PASSWORD=old\n", encoding="utf-8")
    put_secret("WINBC_BC__PASSWORD", "new")
    assert Path(".env").read_text(encoding="utf-8") == "DAGSTER_HOME=/x\nWINBC_BC__PASSWORD='new'\n"
    assert stat.S_IMODE(Path(".env").stat().st_mode) == 0o600


def test_the_settings_file_takes_no_secret() -> None:
    with pytest.raises(ValueError, match="is a secret"):
        SettingsFile().put("bc.client_secret", "s3cret")
    assert not Path("winbc.toml").exists()


def test_a_comment_of_a_person_stays_when_a_value_changes() -> None:
    Path("winbc.toml").write_text('window = "week" # agreed with Jan\n[bc]\ncompany = "A"\n', encoding="utf-8")
    SettingsFile().put("bc.company", "B")
    assert Path("winbc.toml").read_text(encoding="utf-8") == (
        'window = "week" # agreed with Jan\n[bc]\ncompany = "B"\n'
    )


def test_a_workspace_that_is_there_stays() -> None:
    assert write_workspace("shop")
    assert yaml.safe_load(Path("workspace.yaml").read_text())["load_from"] == [
        {"python_module": {"module_name": "winbc_pipeline.definitions", "location_name": "shop"}}
    ]
    assert not write_workspace("other")


@pytest.mark.parametrize(
    ("question", "answer", "problem"),
    [
        (Question("x", "?"), "", "an answer is needed"),
        (Question("x", "?", optional=True), "", ""),
        (Question("x", "?", choices=[Choice("a"), Choice("b")]), "c", "it is one of a, b"),
        (Question("x", "?", choices=[Choice("a")], free=True), "c", ""),
        (Question("x", "?", wrong=lambda text: f"{text} is wrong"), "c", "c is wrong"),
    ],
)
def test_a_wrong_answer_is_told_why(question: Question, answer: str, problem: str) -> None:
    assert question.problem(answer) == problem


def test_the_address_of_business_central_online_is_made_of_tenant_and_environment() -> None:
    clerk = Clerk(init__tenant="example.com", init__environment="test", winstore__base_url="https://shop.example/api")
    ask_systems(Sitting(clerk))
    bc = load_settings().bc
    assert bc.base_url == "https://api.businesscentral.dynamics.com/v2.0/example.com/test/api/v2.0"
    assert bc.authority == "https://login.microsoftonline.com/example.com"


@pytest.mark.parametrize("address", ["http://shop.example/api/v2.0", "shop", "https://shop.example/odata"])
def test_an_address_that_cannot_be_one_is_asked_for_again(address: str) -> None:
    clerk = Clerk(init__business_central="on_premises", bc__base_url=address)
    with pytest.raises(AssertionError, match=r"https|address|/api/v2\.0"):
        ask_systems(Sitting(clerk))


def test_every_flow_begins_in_safe_mode_and_only_what_was_chosen_runs() -> None:
    ask_directions(Sitting(Clerk(init__customers="both", init__products="no", init__stock="no")))
    settings = load_settings()
    on = {flow.id for flow in FLOWS if runs(flow, settings)}
    assert on == {
        "customers_winstore_to_bc",
        "customers_bc_to_winstore",
        "orders_winstore_to_bc",
        "order_status_bc_to_winstore",
    }
    assert all(settings.in_safe_mode(flow.id) for flow in FLOWS)


def test_a_safe_mode_that_a_person_switched_off_stays_off_and_the_directions_are_the_defaults() -> None:
    ask_directions(Sitting(Clerk(init__orders="both", init__stock="no")))
    SettingsFile().put("safe_mode", False)
    before = Path("winbc.toml").read_text(encoding="utf-8")
    ask_directions(Sitting(Clerk()))
    assert Path("winbc.toml").read_text(encoding="utf-8") == before


def test_the_last_lines_name_every_flow_that_is_on_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Source of the promise: README.md, "Point it at real systems", step 3."""
    monkeypatch.setattr(review_step, "checks", lambda _: [])
    clerk = Clerk(init__products="no")
    ask_directions(Sitting(clerk))
    review_step.review(Sitting(clerk))
    assert "winbc plan customers_winstore_to_bc" in clerk.said[-1]
    order = "orders_winstore_to_bc, order_status_bc_to_winstore, stock_winstore_to_bc"
    assert f"Then so with each of these, in this order: {order}\n" in clerk.said[-1]


def test_a_wrong_address_of_winstore_is_told_once_and_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    clerk = Corrects(winstore__base_url="https://right.example", winstore__user="me", winstore__password="x")
    sitting = Sitting(clerk)
    sitting.file.put("winstore.base_url", "https://wrong.example")

    def answered(settings: Settings, entity: str) -> CheckResult:
        if "wrong" in settings.winstore.base_url:
            raise UnreadableAnswer(f"Winstore answers 404 to {entity}.")
        return CheckResult(f"{entity} read")

    monkeypatch.setattr(credentials, "read_winstore", answered)
    credentials.ask_winstore(sitting)
    assert len([text for text in clerk.said if "404" in text]) == 1
    assert load_settings().winstore.base_url == "https://right.example"
    assert sitting.problems == {}


def test_a_menu_of_numbers_shows_each_number_once(capsys: pytest.CaptureFixture[str]) -> None:
    choices = [Choice("1", "The two systems"), Choice("2", "Who signs in")]
    with patch("typer.prompt", return_value="2"):
        assert Terminal(Console()).ask(Question("x", "?", choices=choices)) == "2"
    assert "1. The two systems\n" in capsys.readouterr().out


@pytest.mark.parametrize(("typed", "answer"), [("y", "yes"), ("N", "no"), ("2", "no"), ("yes", "yes")])
def test_yes_and_no_are_taken_by_their_first_letter(typed: str, answer: str) -> None:
    with patch("typer.prompt", return_value=typed):
        assert Terminal(Console()).ask(yes_no("x", "?", True)) == answer


def test_a_right_that_was_not_tried_is_not_called_ok(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal(Console()).tried("modify items", f"{NOT_TRIED}: there is no record yet", None)
    assert "ok" not in capsys.readouterr().out


def test_a_variable_that_wins_over_the_file_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINBC_BC__COMPANY", "A")
    sitting = Sitting(Clerk(bc__company="B"))
    sitting.ask(Question("bc.company", "?"))
    assert "WINBC_BC__COMPANY is set in the environment or in .env" in sitting.problems["bc.company"]


def test_connections_are_added_listed_and_taken_away_with_their_data() -> None:
    folder = connections.add("utrecht")
    connections.add("gent")
    assert [each.name for each in connections.connections()] == ["gent", "utrecht"]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (folder / ".winbc").mkdir()
    (folder / ".winbc" / "ledger").write_text("what was sent")
    kept = connections.remove(connections.named("utrecht"), NOW)
    assert (kept / ".winbc" / "ledger").read_text() == "what was sent"
    assert [each.name for each in connections.connections()] == ["gent"]


def test_what_connections_share_is_listed_of_each() -> None:
    """Where their data are also tells whether one is up, which is not taken away."""
    folder = connections.add("utrecht")
    SettingsFile(folder / "winbc.toml").put("bc.company", "Utrecht")
    shared = 'data_folder = "kept"\n[bc]\nbase_url = "https://bc.example"\ncompany = "All"\n'
    (folder.parent / "defaults.toml").write_text(shared)
    (utrecht,) = connections.connections()
    assert (utrecht.business_central, utrecht.company) == ("https://bc.example", "Utrecht")
    assert utrecht.data_folder == folder / "kept" / "utrecht"


def test_the_connection_of_the_folder_itself_is_not_taken_away_and_it_is_said_why() -> None:
    SettingsFile().put("connection", "shop")
    with pytest.raises(NotDone, match="shop is the connection of this folder itself"):
        connections.named("shop")


def test_what_is_taken_away_has_secrets_only_where_there_are_some() -> None:
    connections.add("utrecht")
    (connections.add("gent") / ".env").touch()
    taken = [CliRunner().invoke(app, ["connection", "remove", name, "--yes"]).output for name in ("utrecht", "gent")]
    assert [".env" in text for text in taken] == [False, True]


def test_it_is_said_that_what_is_on_a_server_stays_there() -> None:
    SettingsFile(connections.add("gent") / "winbc.toml").put("state.database", "postgresql://db.example/winbc")
    connections.add("utrecht")
    taken = [CliRunner().invoke(app, ["connection", "remove", name, "--yes"]).output for name in ("gent", "utrecht")]
    assert ["on the server" in text for text in taken] == [True, False]


@pytest.mark.parametrize("content", ["bc = [", 'bc = "x"', None], ids=["no TOML", "no section", "not to be read"])
def test_a_connection_whose_settings_cannot_be_read_hides_no_other_one_and_it_is_said_why(
    content: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    connections.add("utrecht")
    broken, usual = connections.add("gent") / "winbc.toml", Path.read_text

    def read(path: Path, *args: Any, **named: Any) -> str:
        if path == broken:
            raise PermissionError(13, "Permission denied")
        return usual(path, *args, **named)

    if content is None:
        monkeypatch.setattr(Path, "read_text", read)
    else:
        broken.write_text(content)
    output = CliRunner().invoke(app, ["connection", "list"]).output
    assert "utrecht" in output and "broken" in output
    assert "gent/winbc.toml" in "".join(output.split())


def test_a_connection_with_mapping_tables_of_others_is_not_taken_away() -> None:
    connections.add("utrecht")
    SettingsFile(connections.add("gent") / "winbc.toml").put("mapping_base", "../utrecht/mapping_tables")
    with pytest.raises(NotDone, match="gent build on the mapping tables in connections/utrecht"):
        connections.remove(connections.named("utrecht"), NOW)
    connections.remove(connections.named("gent"), NOW)
    assert connections.remove(connections.named("utrecht"), NOW).is_dir()


@pytest.mark.parametrize("name", ["../elsewhere", "a b", "", "removed"])
def test_a_name_that_no_folder_can_have_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be the name of a connection"):
        connections.add(name)


def test_a_connection_is_made_once() -> None:
    connections.add("utrecht")
    with pytest.raises(NotDone, match="There is a connection utrecht already"):
        connections.add("utrecht")
    with pytest.raises(NotDone, match="There is no connection gent"):
        connections.named("gent")


def assert_is_a_command(arguments: list[str]) -> None:
    """The arguments are ones that `winbc` takes; nothing is run."""
    command: Command = typer.main.get_command(app)
    with command.make_context("winbc", list(arguments)) as context:
        name, chosen, rest = command.resolve_command(context, [*context._protected_args, *context.args])  # type: ignore[attr-defined]
        assert name == "up"
        parsed = chosen.make_context(name, rest, parent=context)
        assert parsed.params == {"port": 3000, "foreground": True}


def test_the_command_of_the_compose_file_is_one() -> None:
    content: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    for service in content["services"].values():
        assert_is_a_command(service["command"])
        assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).exists()


FORMS: dict[str, Callable[[Any], object]] = {
    "build": lambda value: set(value) == {"context", "dockerfile"},
    "command": lambda value: all(isinstance(part, str) for part in value),
    "volumes": lambda value: all(re.fullmatch(r"\./[\w-]+:/[\w/-]+", each) for each in value),
    "network_mode": lambda value: value == "host",
    "init": lambda value: value is True,
    "restart": lambda value: value in ("no", "always", "on-failure", "unless-stopped"),
    "stop_grace_period": lambda value: re.fullmatch(r"(\d+(us|ms|s|m|h))+", value),
    "cap_drop": lambda value: value == ["ALL"],
    "security_opt": lambda value: value == ["no-new-privileges:true"],
}
"""What each key of a service takes (Compose Specification, 05-services.md)."""


def test_each_key_of_the_compose_file_has_a_value_of_its_form() -> None:
    content: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    assert set(content) == {"services"}, "`version` is obsolete"
    given = [each for service in content["services"].values() for each in service.items()]
    assert [name for name, value in given if name not in FORMS or not FORMS[name](value)] == []
    assert all("ports" not in service for service in content["services"].values()), "no ports beside the host's network"


def test_the_dockerfile_copies_what_is_there_and_begins_with_winbc() -> None:
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    copied = [name for line in lines if line.startswith("COPY ") for name in line.split()[1:-1]]
    assert copied
    assert [name for name in copied if not (REPOSITORY / name).exists()] == []
    assert 'ENTRYPOINT ["winbc"]' in lines


def test_the_command_of_the_windows_service_is_one(tmp_path: Path) -> None:
    service = ElementTree.parse(DEPLOY / "windows" / "winbc.xml").getroot()  # noqa: S314 - our own file
    arguments = (service.findtext("arguments") or "").split()
    assert arguments[:2] == ["--home", service.findtext("workingdirectory")]
    assert_is_a_command(["--home", str(tmp_path), *arguments[2:]])


def test_the_command_of_the_systemd_unit_is_one(tmp_path: Path) -> None:
    unit = (DEPLOY / "systemd" / "winbc@.service").read_text()
    (port,) = re.findall(r"^Environment=UI_PORT=(\d+)$", unit, re.MULTILINE)
    (command,) = re.findall(r"^ExecStart=\S+/winbc (.+)$", unit, re.MULTILINE)
    assert command.startswith("--home /var/lib/winbc/%i ")
    arguments = command.replace("/var/lib/winbc/%i", str(tmp_path)).replace("${UI_PORT}", port)
    assert_is_a_command(arguments.split())


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="this machine has no systemd")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    unit = (DEPLOY / "systemd" / "winbc@.service").read_text()
    copy = tmp_path / "winbc@shop.service"
    copy.write_text(unit.replace("/opt/winbc/.venv/bin/winbc", sys.executable))
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)], capture_output=True, text=True, check=False
    )
    assert (verified.returncode, verified.stderr) == (0, "")


def test_the_project_declares_what_the_set_up_needs() -> None:
    declared = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["dependencies"]
    assert {"tomlkit", "python-dotenv"} <= set(declared)
