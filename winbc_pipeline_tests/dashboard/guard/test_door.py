"""The door: where a request may come from, and who may come in. Source of the promises: docs/dashboard.md."""

import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from starlette.datastructures import Headers
from starlette.testclient import TestClient

from winbc_pipeline.dashboard.guard.access import FILE, access_of
from winbc_pipeline.dashboard.guard.limiter import MOST, Limiter
from winbc_pipeline.dashboard.guard.origin import Answer, judge
from winbc_pipeline.dashboard.guard.session import begin, read, written

from ...support.dashboard import ADDRESS, browser, door_of, stranger

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
HERE = {"host": "127.0.0.1:3000"}
OWN = HERE | {"origin": ADDRESS}


@pytest.mark.parametrize(
    ("method", "headers", "answer"),
    [
        ("GET", HERE, Answer.PASS),
        ("GET", {"host": "localhost:3000"}, Answer.PASS),
        ("GET", {"host": "[::1]:3000"}, Answer.PASS),
        ("GET", {"host": "shop.example.com"}, Answer.PASS),
        ("GET", {"host": "evil.example.com:3000"}, Answer.WRONG_HOST),
        ("GET", {"host": "127.0.0.1.evil.example.com"}, Answer.WRONG_HOST),
        ("GET", {"host": "[broken"}, Answer.WRONG_HOST),
        ("GET", {}, Answer.WRONG_HOST),
        ("POST", OWN, Answer.PASS),
        ("POST", {"host": "shop.example.com", "origin": "https://shop.example.com"}, Answer.PASS),
        ("POST", {"host": "shop.example.com", "origin": "http://shop.example.com"}, Answer.FOREIGN),
        ("POST", HERE, Answer.FOREIGN),
        ("POST", HERE | {"origin": "null"}, Answer.FOREIGN),
        ("POST", HERE | {"origin": "http://127.0.0.1:3001"}, Answer.FOREIGN),
        ("POST", HERE | {"origin": "http://localhost:3000"}, Answer.FOREIGN),
        ("POST", OWN | {"sec-fetch-site": "same-site"}, Answer.FOREIGN),
        ("GET", HERE | {"origin": "http://evil.example.com"}, Answer.FOREIGN),
        ("GET", HERE | {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, Answer.FOREIGN),
        ("GET", HERE | {"sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors"}, Answer.FOREIGN),
    ],
)
def test_a_request_passes_by_its_host_and_the_page_that_sends_it(
    method: str, headers: dict[str, str], answer: Answer
) -> None:
    """W3C Fetch Metadata: a page on another port of the same host is `same-site`, and foreign here."""
    assert judge(Headers(headers), method, ["Shop.example.com"]) is answer


@pytest.mark.parametrize(("shown", "answer"), [("document", Answer.ASK_AGAIN), ("iframe", Answer.FOREIGN)])
def test_a_link_from_elsewhere_is_followed_and_a_frame_is_not(shown: str, answer: Answer) -> None:
    headers = HERE | {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": shown}
    assert judge(Headers(headers), "GET", []) is answer


def test_a_followed_link_is_asked_again_by_a_page_of_ours(tmp_path: Path) -> None:
    """A browser gives no strict cookie to what a foreign page begins, nor to where that is redirected."""
    client = browser(door_of(tmp_path))
    client.headers |= {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    del client.headers["origin"]
    assert 'content="0; url=/me?a=%22&amp;b=1"' in client.get("/me?a=%22&b=1").text
    assert 'content="0; url=/evil.example.com"' in client.get(f"{ADDRESS}//evil.example.com").text
    assert 'content="0; url=/%5Cevil.example.com"' in client.get(f"{ADDRESS}/%5Cevil.example.com").text


def test_the_address_after_a_log_in_is_on_this_host(tmp_path: Path) -> None:
    door = door_of(tmp_path)
    answer = stranger(door).get(f"{ADDRESS}//evil.example.com", params={"token": door.access.tokens["view"]})
    assert answer.headers["location"] == "/evil.example.com"


def test_no_page_of_ours_may_be_framed_or_run_inline_scripts(tmp_path: Path) -> None:
    headers = browser(door_of(tmp_path)).get("/me").headers
    policy = headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy and "script-src 'self';" in policy and "unsafe" not in policy
    assert (headers["x-frame-options"], headers["cache-control"], headers["referrer-policy"]) == (
        "DENY", "no-store", "same-origin",
    )  # fmt: skip


def test_a_wrong_token_lets_nobody_in(tmp_path: Path) -> None:
    client = stranger(door_of(tmp_path))
    answer = client.get("/", params={"token": "x" * 43})
    assert (answer.headers["location"], "set-cookie" in answer.headers) == ("/login?wrong", False)


def test_after_ten_wrong_tokens_even_the_right_one_waits_a_minute(tmp_path: Path) -> None:
    moments = [NOW]
    door = door_of(tmp_path, now=lambda: moments[0])
    client, right = stranger(door), {"token": door.access.tokens["admin"]}
    for _ in range(MOST):
        client.get("/", params={"token": "wrong"})
    refused = client.get("/", params=right)
    assert (refused.status_code, "set-cookie" in refused.headers) == (429, False)
    moments[0] += timedelta(seconds=int(refused.headers["retry-after"]))
    assert "set-cookie" in client.get("/", params=right).headers


def test_wrong_tokens_of_longer_ago_do_not_count() -> None:
    limiter = Limiter()
    for minute in range(MOST * 2):
        limiter.count(NOW + timedelta(minutes=minute))
    assert limiter.waits_s(NOW + timedelta(minutes=MOST * 2)) == 0


def test_the_tokens_are_readable_for_their_owner_alone_and_outlive_a_restart(tmp_path: Path) -> None:
    first, again = access_of(tmp_path), access_of(tmp_path)
    assert first == again and len(set(first.tokens.values())) == 3
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


@pytest.mark.parametrize("kept", ["", "[]", '{"view": 1}', '{"view": "", "operate": "", "admin": ""}'])
def test_a_damaged_file_of_tokens_is_made_anew(tmp_path: Path, kept: str) -> None:
    (tmp_path / FILE).write_text(kept)
    assert min(map(len, access_of(tmp_path).tokens.values())) == 43
    assert json.loads((tmp_path / FILE).read_text()) == access_of(tmp_path).tokens


def test_a_session_outlives_a_restart_and_ends_with_its_token(tmp_path: Path) -> None:
    client = browser(door_of(tmp_path))
    restarted = TestClient(door_of(tmp_path), ADDRESS, cookies=client.cookies, follow_redirects=False)
    assert restarted.get("/me").status_code == 200
    (tmp_path / FILE).unlink()
    ended = TestClient(door_of(tmp_path), ADDRESS, cookies=client.cookies, follow_redirects=False)
    assert ended.get("/me").headers["location"] == "/login"


def test_a_session_cannot_be_made_into_one_that_may_more(tmp_path: Path) -> None:
    access = access_of(tmp_path)
    session = begin("view", NOW)
    mine = written(session, access)
    other, _, _ = written(begin("admin", NOW), access).partition(".")
    forged = f"{other}.{mine.partition('.')[2]}"
    assert read(mine, access, NOW) == session
    for value in (forged, mine[:-1], "", ".", "x.y", "é.é", other):
        assert read(value, access, NOW) is None


def test_two_connections_on_one_machine_have_sessions_of_their_own(tmp_path: Path) -> None:
    """A browser sends a host's cookies to all of its ports."""
    assert access_of(tmp_path / "one").cookie != access_of(tmp_path / "two").cookie


def test_under_a_name_that_others_reach_the_cookie_needs_tls(tmp_path: Path) -> None:
    door = door_of(tmp_path, hosts=("shop.example.com",))
    client = TestClient(door, "https://shop.example.com", follow_redirects=False)
    assert "Secure" in client.get("/", params={"token": door.access.tokens["view"]}).headers["set-cookie"]
    assert "Secure" not in stranger(door).get("/", params={"token": door.access.tokens["view"]}).headers["set-cookie"]


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{}", "application/json", 415),
        (b"name=%ff", "application/x-www-form-urlencoded", 200),
        (b"name=\xff", "application/x-www-form-urlencoded", 400),
        (b"&".join([b"a=1"] * 50_001), "application/x-www-form-urlencoded", 400),
        (b"a" * (4 * 2**20 + 1), "application/x-www-form-urlencoded", 413),
    ],
)
def test_a_form_is_taken_only_as_our_pages_send_it(tmp_path: Path, content: bytes, kind: str, status: int) -> None:
    client = browser(door_of(tmp_path))
    assert client.post("/me/name", content=content, headers={"content-type": kind}).status_code == status


def test_a_part_of_a_page_is_never_replaced_by_the_log_in(tmp_path: Path) -> None:
    answer = stranger(door_of(tmp_path)).get("/me", headers={"hx-request": "true"})
    assert (answer.status_code, answer.headers["hx-redirect"]) == (401, "/login")
