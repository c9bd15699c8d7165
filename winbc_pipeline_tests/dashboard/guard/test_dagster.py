"""Dagster behind the door: what each role may ask it. Source of the promises: docs/dashboard.md, "Who may do what"."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from dagster_graphql.schema import create_schema
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from winbc_pipeline import audit, clock
from winbc_pipeline.dashboard.guard.access import Role
from winbc_pipeline.dashboard.guard.door import Door
from winbc_pipeline.dashboard.guard.operations import operations_of
from winbc_pipeline.dashboard.guard.rights import ADMIN, HARMLESS, OPERATE
from winbc_pipeline.dashboard.guard.session import LASTS
from winbc_pipeline.settings import Settings

from ...support.dashboard import ADDRESS, browser, door_of, stranger

RERUN = "mutation Any { launchRunReexecution { __typename } }"
FOLLOWED = f"{ADDRESS.replace('http', 'ws')}/dagster/graphql"
FOLLOW = "subscription S { pipelineRunLogs { __typename } }"


async def _asked(request: Request) -> Response:
    return JSONResponse(json.loads(await request.body() or b"{}"))


def _page(_: Request) -> Response:
    return HTMLResponse("Dagster", headers={"content-security-policy": "object-src 'none';"})


async def _follow(websocket: WebSocket) -> None:
    await websocket.accept(subprotocol="graphql-ws")
    while True:
        await websocket.send_json(await websocket.receive_json())


def a_dagster() -> Starlette:
    """A server that answers what it is asked."""
    return Starlette(
        routes=[
            Mount(
                "/dagster",
                routes=[
                    Route("/graphql", _asked, methods=["GET", "POST"]),
                    WebSocketRoute("/graphql", _follow),
                    Route("/{path:path}", _page, methods=["GET", "POST", "DELETE"]),
                ],
            )
        ]
    )


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return door_of(tmp_path, dagster=a_dagster())


def ask(client: TestClient, query: str) -> int:
    return client.post("/dagster/graphql", json={"query": query}).status_code


@pytest.mark.parametrize(
    ("mutation", "allowed"),
    [
        ("launchRunReexecution", ["operate", "admin"]),
        ("launchPartitionBackfill", ["operate", "admin"]),
        ("startSensor", ["operate", "admin"]),
        ("wipeAssets", ["admin"]),
        ("deleteRun", ["admin"]),
        ("setSensorCursor", ["admin"]),
        ("notYetKnown", []),
    ],
)
def test_a_role_calls_the_mutations_that_are_its_own(door: Door, mutation: str, allowed: list[Role]) -> None:
    roles: list[Role] = ["view", "operate", "admin"]
    query = f"mutation {{ {mutation} {{ __typename }} }}"
    answers = {role: ask(browser(door, role), query) for role in roles}
    assert answers == {role: 200 if role in allowed else 403 for role in roles}


def test_every_role_reads(door: Door) -> None:
    client = browser(door, "view")
    assert ask(client, "query { runsOrError { __typename } }") == 200
    assert client.get("/dagster/runs").text == "Dagster"


def test_every_mutation_of_the_installed_dagster_has_a_role() -> None:
    """A new one is a decision: until it is taken, nobody may call it."""
    known = create_schema().graphql_schema.mutation_type
    assert known and set(known.fields) == OPERATE | ADMIN | HARMLESS


@pytest.mark.parametrize(
    "query",
    [
        "mutation { harmless: launchRun { __typename } }",
        "mutation { ... { launchRun { __typename } } }",
        "mutation { ... on Mutation { launchRun { __typename } } }",
        "mutation { ...F } fragment F on Mutation { ...G } fragment G on Mutation { launchRun { __typename } }",
        "query Q { version } mutation M { launchRun { __typename } }",
        "mutation { logTelemetry { __typename } launchRun { __typename } }",
    ],
)
def test_no_spelling_hides_a_mutation(door: Door, query: str) -> None:
    assert ask(browser(door, "view"), query) == 403


@pytest.mark.parametrize(
    "query",
    [
        "",
        "mutation {",
        "mutation { ...Missing }",
        "mutation { ...F } fragment F on Mutation { ...F }",
        "{" * 5000,
        "query { " + "a " * 50_000 + "}",
        FOLLOW,
    ],
)
def test_what_cannot_be_understood_is_refused(door: Door, query: str) -> None:
    assert ask(browser(door, "admin"), query) == 400


def test_the_kinds_of_all_operations_count_whichever_is_chosen() -> None:
    operations = operations_of(f"query Q {{ version }} {RERUN} {FOLLOW}")
    assert operations and operations.kinds == {"query", "mutation", "subscription"}


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b'{"query": "{ version }"}', "text/plain", 415),
        (b'{"query": "{ version }"}', "application/graphql", 415),
        (b"query=1", "application/x-www-form-urlencoded", 415),
        (b"{", "application/json", 400),
        (b'[{"query": "{ version }"}]', "application/json", 400),
        (b'{"query": 1}', "application/json", 400),
        (b" " * (8 * 2**20 + 1), "application/json", 413),
        (b'{"query": "{ version }"}', "application/json; charset=utf-8", 200),
    ],
)
def test_a_question_is_taken_only_as_json(door: Door, content: bytes, kind: str, status: int) -> None:
    answer = browser(door, "admin").post("/dagster/graphql", content=content, headers={"content-type": kind})
    assert answer.status_code == status


def test_dagster_reads_what_was_checked(door: Door) -> None:
    """Of two members of one name, a reader may take the first, another the last."""
    content = b'{"query": "%s", "query": "{ version }"}' % RERUN.encode()
    client = browser(door, "view")
    answer = client.post("/dagster/graphql", content=content, headers={"content-type": "application/json"})
    assert answer.json() == {"query": "{ version }"}


@pytest.mark.parametrize("path", ["graphql?query={version}", "graphql/", "notebook?path=x", "dagit/notebook"])
def test_nothing_is_run_or_fetched_by_get(door: Door, path: str) -> None:
    assert browser(door, "admin").get(f"/dagster/{path}").status_code == 405


@pytest.mark.parametrize(
    "path", ["report_asset_materialization/x", "report_asset_check/x", "report_asset_observation/x"]
)
def test_no_role_reports_an_asset(door: Door, path: str) -> None:
    assert browser(door, "admin").post(f"/dagster/{path}", json={}).status_code == 405


def test_who_has_no_session_reaches_nothing_of_dagster(door: Door) -> None:
    client = stranger(door)
    assert [client.get("/dagster/runs").status_code, client.get("/dagster").status_code, ask(client, RERUN)] == [
        303,
        303,
        401,
    ]


def test_a_page_of_dagster_keeps_its_policy_and_may_not_be_framed(door: Door) -> None:
    policy = browser(door, "view").get("/dagster/runs").headers["content-security-policy"]
    assert policy == "object-src 'none'; frame-ancestors 'none'; form-action 'self'"


def test_links_to_dagster_at_its_old_address_are_followed(door: Door) -> None:
    client = browser(door, "view")
    answer = client.get("/assets/synced/x?partition=2026-03-10", follow_redirects=False)
    assert answer.headers["location"] == "/dagster/assets/synced/x?partition=2026-03-10"


def test_a_websocket_follows_what_happens(door: Door) -> None:
    begin = {"id": "1", "type": "start", "payload": {"query": FOLLOW}}
    with browser(door, "view").websocket_connect(FOLLOWED) as websocket:
        for message in ({"type": "connection_init", "payload": {}}, begin, {"id": "1", "type": "stop"}):
            websocket.send_json(message)
            assert websocket.receive_json() == message


def test_who_logs_out_follows_no_more_and_others_go_on(door: Door) -> None:
    client, other = browser(door, "operate"), browser(door, "operate")
    with client.websocket_connect(FOLLOWED) as own, other.websocket_connect(FOLLOWED) as others:
        client.post("/me/leave")
        with pytest.raises(WebSocketDisconnect):
            own.receive_json()
        others.send_json({"id": "1", "type": "stop"})
        assert others.receive_json() == {"id": "1", "type": "stop"}


def test_a_websocket_ends_with_its_session(tmp_path: Path) -> None:
    moments = [clock.now().replace(microsecond=0)]
    client = browser(door_of(tmp_path, dagster=a_dagster(), now=lambda: moments[-1]), "view")
    moments.append(moments[0] + LASTS - timedelta(milliseconds=50))
    with client.websocket_connect(FOLLOWED) as websocket, pytest.raises(WebSocketDisconnect):
        websocket.receive_json()


@pytest.mark.parametrize("payload", [{"query": RERUN}, {"query": "{ version }"}, {}, "x", None])
def test_nothing_else_is_begun_over_a_websocket(door: Door, payload: object) -> None:
    with browser(door, "admin").websocket_connect(FOLLOWED) as websocket:
        websocket.send_json({"id": "1", "type": "start", "payload": payload})
        with pytest.raises(WebSocketDisconnect):
            websocket.receive_json()


@pytest.mark.parametrize(
    "headers",
    [{"origin": "http://127.0.0.1:3001"}, {"origin": "null"}, {"host": "evil.example.com"}, {"cookie": ""}],
)
def test_a_websocket_of_a_foreign_page_or_of_a_stranger_is_refused(door: Door, headers: dict[str, str]) -> None:
    client = stranger(door) if "cookie" in headers else browser(door, "admin")
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(FOLLOWED, headers=headers):
        pass


def test_what_somebody_does_in_dagster_stands_in_the_audit_log_before_it_is_done(door: Door, tmp_path: Path) -> None:
    assert ask(browser(door, "operate"), RERUN) == 200
    (entry,) = [each for each in audit.entries(Settings(data_folder=tmp_path)) if each.act == "dagster"]
    assert (entry.who, entry.subject) == ("dashboard:operate", "launchRunReexecution")


def test_what_is_only_read_or_refused_does_not_stand_there(door: Door, tmp_path: Path) -> None:
    ask(browser(door, "view"), RERUN)
    ask(browser(door, "operate"), "query Any { version }")
    ask(browser(door, "operate"), "mutation Any { logTelemetry { __typename } }")
    assert "dagster" not in [each.act for each in audit.entries(Settings(data_folder=tmp_path))]
