"""What a foreign page in the operator's browser can do, in a real browser: to Dagster as it is all, behind the door
nothing. Source of the promise: docs/security.md, "Pages that you visit meanwhile"."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

import pytest

from winbc_pipeline.dashboard.guard.access import Access, Role, access_of

from ..support.chromium import chromium
from ..support.sandboxes import HTTP

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.proof

SHOP = """
from pathlib import Path
from dagster import Definitions, StaticPartitionsDefinition, asset, define_asset_job

@asset(partitions_def=StaticPartitionsDefinition(["2026-03-10"]))
def synced(): assert Path("mended").exists()

@asset
def reported(): ...

defs = Definitions(assets=[synced, reported], jobs=[define_asset_job("rerun", [synced])])
"""
INSTANCE = """
telemetry: {enabled: false}
run_coordinator: {module: dagster.core.run_coordinator, class: DefaultRunCoordinator}
"""
# As in the browsers that let a page reach the local network without asking the person.
UNASKED = "--disable-features=LocalNetworkAccessChecks"
MAPPED = "--host-resolver-rules=MAP evil.example 127.0.0.1, MAP rebound.example 127.0.0.1"
ALL = {"GET mutation", "form POST", "no-cors fetch", "websocket", "DNS rebinding", "iframe", "report-asset call"}
WAIT_MS = 1500  # for what a page began and nobody answers


@dataclass(frozen=True)
class Servers:
    """One Dagster on two ports, below /dagster: as it is, and behind the door."""

    stock: int
    guarded: int
    folder: Path
    access: Access

    def graphql(self, query: str) -> dict[str, Any]:
        """What Dagster itself says, whoever asks."""
        answer = HTTP.post(f"http://127.0.0.1:{self.stock}/dagster/graphql", json={"query": query}, timeout=30)
        return cast("dict[str, Any]", answer.json()["data"])

    def limits(self) -> set[str]:
        """The names of concurrency limits: each attack that runs a mutation leaves one of its own."""
        found = self.graphql("{ instance { concurrencyLimits { concurrencyKey } } }")
        return {limit["concurrencyKey"] for limit in found["instance"]["concurrencyLimits"]}

    def reports(self) -> int:
        """How many materialisations of an asset somebody has reported."""
        query = '{ assetOrError(assetKey: {path: ["reported"]}) { ... on Asset { assetMaterializations { runId } } } }'
        return len(self.graphql(query)["assetOrError"].get("assetMaterializations", []))


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _wait_for(happened: Callable[[], bool], most_s: float = 90) -> None:
    ends = time.monotonic() + most_s
    while not happened():
        assert time.monotonic() < ends
        time.sleep(0.1)


def _answers(port: int) -> bool:
    try:
        return bool(HTTP.get(f"http://127.0.0.1:{port}/dagster/server_info").status_code)
    except Exception:  # noqa: BLE001 - it is not there yet
        return False


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    folder = tmp_path_factory.mktemp("shop")
    (folder / "shop.py").write_text(SHOP)
    (folder / "home").mkdir()
    (folder / "home" / "dagster.yaml").write_text(INSTANCE)
    access = access_of(folder / ".winbc" / "default")
    stock, guarded = _free_port(), _free_port()
    here = str(Path(__file__).parents[2])
    variables = {"DAGSTER_HOME": str(folder / "home"), "OPEN_PORT": str(stock), "PYTHONPATH": here}
    command = [sys.executable, "-m", "winbc_pipeline_tests.support.two_doors", "-f", "shop.py", "-p", str(guarded)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=os.environ | variables, stdout=log, stderr=log)
    try:
        _wait_for(lambda: _answers(stock) and _answers(guarded) or process.poll() is not None)
        assert process.poll() is None, (folder / "log").read_text()
        yield Servers(stock, guarded, folder, access)
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[int]:
    """The port of a server of somebody else, whose pages are what a test puts into them."""

    class Blank(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>prize</title>")

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Blank)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def visitor() -> Iterator["Browser"]:
    with chromium([MAPPED, UNASKED]) as browser:
        yield browser


def _mutation(name: str) -> str:
    return f'mutation {{ setConcurrencyLimit(concurrencyKey: "{name}", limit: 1) }}'


def _attack(page: "Page", servers: Servers, port: int, origin: str) -> set[str]:
    """Which attacks on a port get through from a page of an origin."""
    target, mark = f"http://127.0.0.1:{port}/dagster", f"{port}-{quote(origin, safe='')}"
    before = servers.reports()
    page.goto(origin)
    page.evaluate(
        """async ([target, get, text]) => {
            new Image().src = `${target}/graphql?query=${encodeURIComponent(get)}`;
            const send = (path, more) => fetch(`${target}/${path}`, {
                method: 'POST', mode: 'no-cors', credentials: 'include', ...more}).catch(() => 0);
            const headers = {'content-type': 'text/plain; a=application/json'};
            await send('graphql', {headers, body: JSON.stringify({query: text})});
            await send('report_asset_materialization/reported', {});
        }""",
        [target, _mutation(f"{mark}-get"), _mutation(f"{mark}-fetch")],
    )
    through = set()
    if page.evaluate(
        """([target, wait]) => new Promise(done => {
            const socket = new WebSocket(target.replace('http', 'ws') + '/graphql', 'graphql-ws');
            socket.onopen = () => socket.send(JSON.stringify({type: 'connection_init'}));
            socket.onmessage = () => done(true);
            socket.onclose = () => done(false);
            setTimeout(() => done(false), wait);
        })""",
        [target, WAIT_MS],
    ):
        through.add("websocket")
    if _is_framed(page, target):
        through.add("iframe")
    _send_form(page, f"{target}/graphql?query={quote(_mutation(f'{mark}-form'))}")
    if _is_rebound(page, port):
        through.add("DNS rebinding")
    marks = {"GET mutation": "get", "no-cors fetch": "fetch", "form POST": "form"}
    left = servers.limits()
    through |= {name for name, short in marks.items() if f"{mark}-{short}" in left}
    return through | ({"report-asset call"} if servers.reports() > before else set())


def _is_framed(page: "Page", target: str) -> bool:
    page.evaluate(
        """([address, wait]) => new Promise(done => {
            const frame = document.createElement('iframe');
            frame.onload = done;
            frame.src = address;
            document.body.append(frame);
            setTimeout(done, wait);
        })""",
        [f"{target}/runs", WAIT_MS],
    )
    return any(frame.url.startswith(target) and 'id="root"' in frame.content() for frame in page.frames[1:])


def _send_form(page: "Page", address: str) -> None:
    page.evaluate(
        """address => {
            const form = document.createElement('form');
            Object.assign(form, {method: 'POST', action: address, enctype: 'text/plain'});
            document.body.append(form);
            form.submit();
        }""",
        address,
    )
    page.wait_for_url("**/graphql**")


def _is_rebound(page: "Page", port: int) -> bool:
    """A page comes from its own server; then its name leads to this machine, and the page asks its "own" server."""
    origin = f"http://rebound.example:{port}"
    page.route(f"{origin}/prize", lambda route: route.fulfill(content_type="text/html", body="<title>prize</title>"))
    page.goto(f"{origin}/prize")
    read: str = page.evaluate(
        """async () => {
            const answer = await fetch('/dagster/graphql', {method: 'POST', body: '{"query": "{ version }"}',
                headers: {'content-type': 'application/json'}});
            return answer.text();
        }"""
    )
    return "version" in read


def _open(visitor: "Browser", servers: Servers, role: Role) -> "Page":
    """A page of somebody who has opened the address of a role, in the same browser."""
    page = visitor.new_context().new_page()
    page.goto(f"http://127.0.0.1:{servers.guarded}/?token={servers.access.tokens[role]}")
    return page


def _ask(page: "Page", query: str, **variables: object) -> tuple[int, str]:
    """What Dagster answers to a page of ours."""
    answer = page.evaluate(
        """async body => {
            const answer = await fetch('/dagster/graphql', {method: 'POST', body,
                headers: {'content-type': 'application/json'}});
            return [answer.status, await answer.text()];
        }""",
        json.dumps({"query": query, "variables": variables}),
    )
    return answer[0], answer[1]


def test_all_seven_attacks_work_on_dagster_as_it_is(visitor: "Browser", servers: Servers, elsewhere: int) -> None:
    page = visitor.new_page()
    assert _attack(page, servers, servers.stock, f"http://evil.example:{elsewhere}/") == ALL
    page.close()


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "localhost"])
def test_none_gets_through_the_door_while_an_admin_is_logged_in(
    visitor: "Browser", servers: Servers, elsewhere: int, host: str
) -> None:
    """127.0.0.1 on another port is the same site: a browser sends the session's cookie along, however strict it is."""
    page = _open(visitor, servers, "admin")
    status, answer = _ask(page, _mutation(f"own-{host}"))
    assert status == 200 and f"own-{host}" in servers.limits(), answer
    assert _attack(page, servers, servers.guarded, f"http://{host}:{elsewhere}/") == set()
    page.context.close()


def test_a_link_on_a_foreign_page_leads_to_the_dashboard_with_the_session(
    visitor: "Browser", servers: Servers, elsewhere: int
) -> None:
    """As in an alert that is read in a web mailer."""
    page = _open(visitor, servers, "view")
    page.goto(f"http://evil.example:{elsewhere}/")
    address = f"http://127.0.0.1:{servers.guarded}/me?a=1"
    page.evaluate("address => { location.href = address; }", address)
    page.wait_for_selector("h1:has-text('Your session')")
    assert page.url == address
    page.context.close()


RERUN = """mutation ($id: String!) {
  launchRunReexecution(reexecutionParams: {parentRunId: $id, strategy: ALL_STEPS}) {
    ... on LaunchRunSuccess { run { id } }
  }
}"""
LAUNCH = """mutation ($tags: [ExecutionTag!]) {
  launchRun(executionParams: {selector: {repositoryLocationName: "shop.py", repositoryName: "__repository__",
    jobName: "rerun"}, executionMetadata: {tags: $tags}}) { ... on LaunchRunSuccess { run { id } } __typename }
}"""


def test_view_reruns_nothing_and_operate_reruns_a_red_window(visitor: "Browser", servers: Servers) -> None:
    operator, viewer = _open(visitor, servers, "operate"), _open(visitor, servers, "view")

    def ended(run: str) -> str:
        def status() -> str:
            return str(
                servers.graphql(f'{{ runOrError(runId: "{run}") {{ ... on Run {{ status }} }} }}')["runOrError"][
                    "status"
                ]
            )

        _wait_for(lambda: status() in ("SUCCESS", "FAILURE"))
        return status()

    _, launched = _ask(operator, LAUNCH, tags=[{"key": "dagster/partition", "value": "2026-03-10"}])
    red = json.loads(launched)["data"]["launchRun"]["run"]["id"]
    assert ended(red) == "FAILURE"
    (servers.folder / "mended").touch()
    status, refused = _ask(viewer, RERUN, id=red)
    assert (status, "Your role (view) does not allow launchRunReexecution." in refused) == (403, True)
    _, rerun = _ask(operator, RERUN, id=red)
    assert ended(json.loads(rerun)["data"]["launchRunReexecution"]["run"]["id"]) == "SUCCESS"
    status, _ = _ask(operator, _mutation("operator"))
    assert (status, "operator" in servers.limits()) == (403, False)
    for page in (operator, viewer):
        page.context.close()
