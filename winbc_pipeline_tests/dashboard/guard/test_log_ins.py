"""Who comes in, how, and what is noted of it. Sources: docs/dashboard.md; OWASP ASVS 5.0, chapters 6, 7 and 16.3."""

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from winbc_pipeline import audit
from winbc_pipeline.dashboard.guard.codes import STEP_S, code_of, codes_of
from winbc_pipeline.dashboard.guard.door import Door
from winbc_pipeline.dashboard.guard.limiter import MOST
from winbc_pipeline.errors import NotWritable
from winbc_pipeline.settings import DashboardSettings, Settings

from ...support.dashboard import ADDRESS, browser, door_of, stranger


class Clock:
    """The moment of a test."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)  # a browser forgets cookies by the real clock

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **time: float) -> None:
        self.now += timedelta(**time)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def acts(folder: Path, act: audit.Act) -> list[audit.Entry]:
    return [each for each in audit.entries(Settings(data_folder=folder)) if each.act == act]


def copied(client: TestClient, door: Door) -> TestClient:
    """Another browser with a copy of the cookie."""
    return TestClient(door, ADDRESS, cookies=dict(client.cookies), follow_redirects=False)


def code(folder: Path, clock: Clock) -> str:
    secret = codes_of(Settings(data_folder=folder).state_folder).secrets["admin"]
    return code_of(base64.b32decode(secret), int(clock.now.timestamp()) // STEP_S)


def with_token(door: Door) -> TestClient:
    """A browser that gave the token of the role admin, and no code yet."""
    client = stranger(door)
    assert client.get("/", params={"token": door.access.tokens["admin"]}).headers["location"] == "/login"
    return client


def test_a_log_in_and_its_end_stand_in_the_log_of_acts(tmp_path: Path) -> None:
    browser(door_of(tmp_path), "operate").post("/me/leave")
    entries = acts(tmp_path, "log-in") + acts(tmp_path, "log-out")
    assert [(each.act, each.who, each.subject) for each in entries] == [
        ("log-in", "dashboard:operate", "token"),
        ("log-out", "dashboard:operate", ""),
    ]


def test_a_flood_of_wrong_tokens_is_counted_and_fills_no_disk(tmp_path: Path, clock: Clock) -> None:
    door, tries = door_of(tmp_path, now=clock), 200
    with stranger(door) as client:
        for _ in range(tries):
            client.get("/", params={"token": "wrong"})
            clock.pass_(seconds=5)
    noted = acts(tmp_path, "refuse")
    assert sum(each.count for each in noted) == tries
    assert {each.who for each in noted} == {"dashboard:nobody"}
    assert len(noted) <= 2 * 2 + 2, "two kinds, each once in ten minutes, and once at the end"


def test_who_may_less_is_noted_by_name_when_refused(tmp_path: Path) -> None:
    """ASVS 5.0, 16.3.2."""
    client = browser(door_of(tmp_path))
    client.post("/me/name", data={"name": "Sam"})
    assert client.post("/settings/pause").status_code == 403
    assert [(each.who, each.subject) for each in acts(tmp_path, "refuse")] == [("dashboard:Sam (view)", "forbidden")]


def test_a_log_in_that_cannot_be_noted_lets_nobody_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise NotWritable(tmp_path / "audit.log", "No space left on device")

    door = door_of(tmp_path)
    monkeypatch.setattr(audit, "record", full)
    answer = stranger(door).get("/", params={"token": door.access.tokens["view"]})
    assert (answer.status_code, "set-cookie" in answer.headers, "E-DISK" in answer.text) == (503, False, True)


def test_a_copied_cookie_is_worth_nothing_after_the_log_out(tmp_path: Path) -> None:
    """ASVS 5.0, 7.4.1; also after a restart."""
    door = door_of(tmp_path)
    client = browser(door)
    thief, other = copied(client, door), browser(door)
    assert thief.get("/me").status_code == 200
    client.post("/me/leave")
    assert thief.get("/me").headers["location"] == "/login"
    assert copied(thief, door_of(tmp_path)).get("/me").headers["location"] == "/login"
    assert other.get("/me").status_code == 200


def test_no_answer_with_data_is_kept_and_a_log_out_empties_the_browser(tmp_path: Path) -> None:
    """ASVS 5.0, 14.3.1 and 14.3.2; also what Dagster answers, but for the files of its UI."""

    async def dagster(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("rows", headers={"cache-control": "max-age=99"})(scope, receive, send)

    client = browser(door_of(tmp_path, dagster=dagster))
    client.follow_redirects = False
    kept = {path: client.get(path).headers["cache-control"] for path in ("/me", "/dagster/runs/1", "/dagster/a/b.js")}
    assert kept == {"/me": "no-store", "/dagster/runs/1": "no-store", "/dagster/a/b.js": "max-age=99"}
    assert "cache" in client.post("/me/leave").headers["clear-site-data"]


def test_a_session_that_nobody_uses_ends_after_hours(tmp_path: Path, clock: Clock) -> None:
    """ASVS 5.0, 7.3.1."""
    door = door_of(tmp_path, now=clock, idle_hours=2)
    client = stranger(door)
    client.headers["cookie"] = f"{door.access.cookie}={browser_cookie(door)}"
    for hours, status in ((1.9, 200), (1.9, 200), (2.1, 303), (0, 303)):
        clock.pass_(hours=hours)
        assert client.get("/me").status_code == status


def browser_cookie(door: Door) -> str:
    client = stranger(door)
    answer = client.get("/", params={"token": door.access.tokens["view"]})
    return answer.headers["set-cookie"].partition(";")[0].partition("=")[2]


def test_the_other_sessions_of_a_role_are_shown_and_end_for_who_gives_the_token_again(tmp_path: Path) -> None:
    """ASVS 5.0, 7.5.2; also those that this process does not know."""
    before = browser(door_of(tmp_path), "admin")
    door = door_of(tmp_path)
    unknown, mine, theirs, viewer = copied(before, door), browser(door, "admin"), browser(door, "admin"), browser(door)
    theirs.post("/me/name", data={"name": "Kim"})
    assert "Kim" in mine.get("/me").text
    assert "nobody" in mine.post("/me/others", data={"token": "wrong"}).text
    assert theirs.get("/me").status_code == 200
    mine.post("/me/others", data={"token": door.access.tokens["admin"]})
    ended = [client.get("/me", follow_redirects=False).status_code for client in (mine, theirs, unknown, viewer)]
    assert ended == [200, 303, 303, 200]
    (others,) = acts(tmp_path, "log-out")
    assert others.subject == "all others of admin"


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (20000000000, "353130")],
)
def test_codes_are_those_of_the_standard(seconds: int, expected: str) -> None:
    """RFC 6238, appendix B (SHA-1), of which six digits are shown."""
    assert code_of(b"12345678901234567890", seconds // STEP_S) == expected


def test_with_a_second_factor_the_token_alone_reaches_nothing(tmp_path: Path, clock: Clock) -> None:
    """ASVS 5.0, 6.3.3."""
    client = with_token(door_of(tmp_path, now=clock, second_factor=True))
    assert client.get("/me").headers["location"] == "/login"
    assert "one-time-code" in client.get("/login").text
    assert client.post("/me/name", data={"name": "x"}).status_code in (303, 401)
    assert acts(tmp_path, "log-in") == []


def test_a_code_lets_in_once(tmp_path: Path, clock: Clock) -> None:
    """ASVS 5.0, 6.5.1 and 6.5.5: also after a restart."""
    door = door_of(tmp_path, now=clock, second_factor=True)
    first, second, given = with_token(door), with_token(door), code(tmp_path, clock)
    assert first.post("/login", data={"code": f"{given[:3]} {given[3:]}"}).headers["location"] == "/"
    assert "Log out" in first.get("/me").text
    assert [each.subject for each in acts(tmp_path, "log-in")] == ["token and code"]
    assert second.post("/login", data={"code": given}).headers["location"] == "/login?wrong"
    again = with_token(door_of(tmp_path, now=clock, second_factor=True))
    assert again.post("/login", data={"code": given}).headers["location"] == "/login?wrong"
    clock.pass_(seconds=STEP_S)
    assert again.post("/login", data={"code": given}).headers["location"] == "/login?wrong"
    assert again.post("/login", data={"code": code(tmp_path, clock)}).headers["location"] == "/"


def test_after_all_others_were_ended_somebody_comes_in_with_a_code(tmp_path: Path, clock: Clock) -> None:
    door = door_of(tmp_path, now=clock, second_factor=True)
    first = with_token(door)
    first.post("/login", data={"code": code(tmp_path, clock)})
    scope = {"type": "http", "scheme": "http", "path": "/", "query_string": b"", "headers": cookies(first)}
    session = door.log_ins.session_of(HTTPConnection(scope))
    assert session and door.log_ins.log_out_others(session, door.access.tokens["admin"])
    clock.pass_(seconds=STEP_S)
    second = with_token(door)
    assert second.post("/login", data={"code": code(tmp_path, clock)}).headers["location"] == "/"
    assert (first.get("/me").status_code, second.get("/me").status_code) == (200, 200)


def cookies(client: TestClient) -> list[tuple[bytes, bytes]]:
    (value,) = (f"{name}={value}".encode() for name, value in client.cookies.items())
    return [(b"cookie", value), (b"host", b"127.0.0.1:3000")]


def test_a_code_without_a_token_is_not_looked_at(tmp_path: Path, clock: Clock) -> None:
    door = door_of(tmp_path, now=clock, second_factor=True)
    answer = stranger(door).post("/login", data={"code": code(tmp_path, clock)})
    assert (answer.headers["location"], "set-cookie" in answer.headers) == ("/login", False)


def test_after_ten_wrong_codes_even_the_right_one_waits_an_hour(tmp_path: Path, clock: Clock) -> None:
    """ASVS 5.0, 6.3.1: a million codes take years at that pace."""
    client = with_token(door_of(tmp_path, now=clock, second_factor=True))
    for _ in range(MOST):
        client.post("/login", data={"code": "nothing"})
    assert client.post("/login", data={"code": code(tmp_path, clock)}).status_code == 429
    assert sum(each.count for each in acts(tmp_path, "refuse")) == 2, "the others follow in ten minutes"


@pytest.mark.parametrize(
    ("hosts", "said", "wanted"),
    [((), None, False), (("shop.example.com",), None, True), ((), True, True), (("shop.example.com",), False, False)],
)
def test_a_second_factor_is_asked_for_where_other_computers_come_in(
    hosts: tuple[str, ...], said: bool | None, wanted: bool
) -> None:
    assert DashboardSettings(hosts=hosts, second_factor=said).wants_code is wanted
