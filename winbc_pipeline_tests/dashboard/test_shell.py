"""What every page shares: log-in, language, forms, errors, and the files that browsers load."""

import hashlib
import json
import re
import runpy
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib import resources
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from winbc_pipeline.dashboard.app import STATIC
from winbc_pipeline.dashboard.guard.session import require
from winbc_pipeline.dashboard.names import Names, Reason
from winbc_pipeline.dashboard.page import Page
from winbc_pipeline.dashboard.words import LANGUAGES, Language, chosen, words_of
from winbc_pipeline.dashboard.words.written import Written
from winbc_pipeline.errors import NotDone, StoreBusy, UnknownRecord, WinbcError
from winbc_pipeline.sync.outcomes import REASONS

from ..support.dashboard import browser, door_of, stranger

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
_SCRIPT = Path(__file__).parents[2] / "scripts" / "make_reasons.py"
make_reasons = SimpleNamespace(**runpy.run_path(str(_SCRIPT)))
TEMPLATES = Path(str(resources.files("winbc_pipeline.dashboard").joinpath("templates")))


def test_a_start_address_becomes_a_session_and_a_clean_address(tmp_path: Path) -> None:
    door = door_of(tmp_path)
    answer = stranger(door).get("/me", params={"token": door.access.tokens["operate"]})
    assert (answer.status_code, answer.headers["location"]) == (303, "/me")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie and door.access.tokens["operate"] not in cookie


def test_who_has_no_session_sees_the_log_in_alone(tmp_path: Path) -> None:
    client = stranger(door_of(tmp_path))
    assert client.get("/me").headers["location"] == "/login"
    assert client.get("/login").status_code == 200


def test_the_form_of_the_log_in_takes_the_token(tmp_path: Path) -> None:
    door = door_of(tmp_path)
    client = stranger(door)
    assert client.post("/login", data={"token": door.access.tokens["view"]}).headers["location"] == "/"
    assert client.get("/me").status_code == 200


def test_who_gives_a_name_is_noted_under_it_escaped(tmp_path: Path) -> None:
    shown = browser(door_of(tmp_path)).post("/me/name", data={"name": "<b>Ann"}).text
    assert "&lt;b&gt;Ann" in shown and "<b>Ann" not in shown


def test_who_logs_out_has_no_session(tmp_path: Path) -> None:
    assert "Log in" in browser(door_of(tmp_path)).post("/me/leave").text


def test_a_session_ends_after_a_week(tmp_path: Path) -> None:
    moments = [NOW]
    client = browser(door_of(tmp_path, now=lambda: moments[0]))
    moments[0] += timedelta(days=7)
    assert "Log in" in client.get("/me").text


def test_a_form_without_its_token_is_refused(tmp_path: Path) -> None:
    client = browser(door_of(tmp_path))
    del client.headers["x-csrf-token"]
    assert client.post("/me/name", data={"name": "Ann"}).status_code == 403


def test_a_form_with_its_token_in_a_field_is_taken(tmp_path: Path) -> None:
    client = browser(door_of(tmp_path))
    token = client.headers.pop("x-csrf-token")
    assert client.post("/me/name", data={"csrf": token, "name": "Ann"}).status_code == 200


def test_a_page_of_a_role_is_refused_to_who_may_less(tmp_path: Path) -> None:
    @require("operate")
    def only_for_operators(_: Request) -> Response:
        return PlainTextResponse("done")

    door = door_of(tmp_path, [Page("me", "/x", lambda _: [Route("/x", only_for_operators)])])
    assert [browser(door, role).get("/x").status_code for role in ("view", "operate", "admin")] == [403, 200, 200]


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (StoreBusy("A run is at work.", "End it."), 503, "E-STORE: Another process has this flow&#39;s database."),
        (UnknownRecord("<7> is unknown."), 404, "&lt;7&gt; is unknown."),
        (NotDone("The plan is another now."), 409, "The plan is another now."),
        (WinbcError("No."), 500, "E-WINBC: No."),
    ],
)
def test_an_error_of_the_program_says_what_to_do_also_in_a_part_of_a_page(
    tmp_path: Path, error: Exception, status: int, told: str
) -> None:
    client = browser(door_of(tmp_path, [_failing(error)]))
    whole, part = client.get("/x"), client.get("/x", headers={"hx-request": "true"})
    assert (whole.status_code, part.status_code) == (status, status)
    assert told in whole.text and told in part.text and "<html" not in part.text


def test_a_page_that_a_run_keeps_waiting_leads_to_itself_and_names_no_process(tmp_path: Path) -> None:
    answer = browser(door_of(tmp_path, [_failing(StoreBusy("x.duckdb is in use by process 7."))])).get("/x?name=W1")
    assert 'href="/x?name=W1"' in answer.text and "process 7" not in answer.text


def test_an_unexpected_error_tells_nobody_its_text(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    answer = browser(door_of(tmp_path, [_failing(ValueError("jan@example.com"))])).get("/x")
    assert (answer.status_code, "Something unexpected happened" in answer.text) == (500, True)
    assert "ValueError" in caplog.text and "test_shell.py" in caplog.text
    assert "jan@example.com" not in caplog.text + answer.text


def test_the_page_of_a_failure_names_the_number_under_which_the_log_tells_where_it_was(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    answer = browser(door_of(tmp_path, [_failing(ValueError("no"))])).get("/x/WS-1")
    found = re.search(r"E-WINBC: .* number ([0-9a-f]{8})", answer.text)
    assert found and f"{found[1]}: page /x failed (ValueError)" in caplog.text
    assert "WS-1" not in caplog.text


def test_an_error_of_the_program_that_nobody_can_help_is_logged_too(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert browser(door_of(tmp_path, [_failing(WinbcError("jan@example.com"))])).get("/x").status_code == 500
    assert "page /x failed (WinbcError)" in caplog.text and "jan@example.com" not in caplog.text


def _failing(error: Exception) -> Page:
    def fails(_: Request) -> Response:
        raise error

    return Page("me", "/x", lambda _: [Route("/x", fails), Route("/x/{key}", fails)])


def test_an_error_is_told_in_the_language_of_the_reader(tmp_path: Path) -> None:
    answer = browser(door_of(tmp_path), language="nl-NL,en;q=0.8").get("/nowhere")
    assert answer.status_code == 404 and "Deze pagina bestaat niet." in answer.text and 'lang="nl-NL"' in answer.text


def test_the_setting_wins_over_the_language_of_the_browser() -> None:
    assert [chosen("nl", "en"), chosen("", "de, nl;q=0.5, en;q=0.4"), chosen("", "de"), chosen("", "en;q=x")] == [
        "nl", "nl", "en", "en",
    ]  # fmt: skip


def test_all_languages_have_the_same_words_with_the_same_places() -> None:
    def places(language: str) -> dict[str, list[str]]:
        return {name: sorted(re.findall(r"{(\w*)", text)) for name, text in words_of(language).texts.items()}  # type: ignore[arg-type]

    assert all(places(language) == places("en") for language in LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_code_has_a_cause_and_advice_in_each_language(language: Language) -> None:
    """Source: sync/outcomes.py, the codes that records can have."""
    names = Names(words_of(language))
    told = {code: names.reason(code) for code in REASONS}
    assert [code for code, each in told.items() if not (each.cause and each.fix)] == []
    assert names.reason("NO_SUCH_CODE") == names.reason(None) == Reason()


def test_the_english_words_of_reasons_are_those_of_the_page_of_errors() -> None:
    """Source: docs/errors.md. scripts/make_reasons.py makes them of it; buttons stand in the place of commands."""
    assert make_reasons.MADE.read_text(encoding="utf-8") == make_reasons.made()


@pytest.mark.parametrize(
    ("language", "name"),
    [("en", "Orders, Winstore to Business Central"), ("nl", "Orders, Winstore naar Business Central")],
)
def test_a_flow_is_named_in_the_language_of_the_page(language: Language, name: str) -> None:
    assert Names(words_of(language)).flow("orders_winstore_to_bc") == name
    assert Names(words_of(language)).flow("no_such_flow") == "no_such_flow"


def test_every_word_that_a_template_names_exists() -> None:
    named = {name for file in TEMPLATES.rglob("*.html") for name in re.findall(r'_\("([\w.]+)"[,)]', file.read_text())}
    assert named and named <= set(words_of("en").texts)


@pytest.mark.parametrize(("language", "written"), [("en", "€1,234.50"), ("nl", "€ 1.234,50")])
def test_amounts_are_written_as_the_language_writes_them(language: str, written: str) -> None:
    text = Written(language).money(Decimal("1234.5"), "EUR")  # type: ignore[arg-type]
    assert text.replace("\N{NO-BREAK SPACE}", " ") == written


def test_no_decimal_of_an_amount_is_lost() -> None:
    assert Written("en").money(Decimal("0.125"), "EUR") == "€0.125"
    assert Written("en").number(Decimal("12345.678901")) == "12,345.678901"


def test_moments_are_shown_on_the_clock_of_the_reader() -> None:
    assert "13:00:00" in Written("nl", ZoneInfo("Europe/Amsterdam")).moment(NOW)


def test_vendored_files_are_those_that_the_manifest_names() -> None:
    for entry in json.loads((STATIC / "manifest.json").read_text()):
        assert hashlib.sha256((STATIC / entry["file"]).read_bytes()).hexdigest() == entry["sha256"]
        assert entry["version"] in (STATIC / entry["file"]).read_text() and entry["licence"]


def test_no_template_holds_a_script_a_style_or_a_foreign_address() -> None:
    """The content security policy of our pages allows none of them."""
    for file in TEMPLATES.rglob("*.html"):
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"<script(?! src=)|<style|\sstyle=|\son\w+=|hx-on|https?://|\|\s*safe", text), file.name
