"""What waits for a person: each record with cause and fix, and buttons that first show what they would do."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ... import audit
from ...errors import NotDone, StoreBusy
from ...health.publishing.status import facts_published
from ...staging.ledger import OPEN
from ...sync.connected import ConnectedFlow
from ...workbench import intervention
from ...workbench.desk.plan_pages import shows
from ...workbench.desk.waiting import STATES, Waiting, carry_out, propose, waiting
from ...workbench.plans import in_words
from ...workbench.winstore_answers import note_answer
from ..answers import LOOK_S, asks_for_people, connected, flows_of, note, run_id
from ..guard.forms import form_of
from ..guard.session import require
from ..page import Page
from ..render import render
from ..site import Site

MOST, MOST_CHANGES = 50, 12
ANSWERS = ("there", "not_there")  # what a person found in Winstore
HOW = ("retry", "resend", "as_sent", "map", "adopt", "apart", "ignore", "take_source", "take_target", "again")
ACTS: dict[str, audit.Act] = {"retry": "retry", "map": "replay", "as_sent": "replay", "adopt": "adopt"}


def routes(_: Site) -> Sequence[BaseRoute]:
    """The list, and the two steps of a decision: what it would do, and doing it."""
    return [
        Route("/todo", show),
        Route("/todo/plan", plan, methods=["POST"]),
        Route("/todo/do", do, methods=["POST"]),
    ]


@dataclass(frozen=True)
class FlowList:
    """What waits in one flow; `is_busy` while a run has its database."""

    flow: str
    total: int = 0
    records: list[Waiting] = field(default_factory=list)
    is_busy: bool = False


def show(request: Request) -> Response:
    """Lists what waits, flow by flow."""
    asked = {name: request.query_params.get(name, "").strip() for name in ("flow", "reason", "text")}
    flows = [flow.id for flow in flows_of(request)]
    chosen = [name for name in flows if name == asked["flow"]] or flows
    open_values = asks_for_people(request, "To do")
    lists = list(_lists(request, chosen, asked, open_values))
    reasons = sorted({each.reason for one in lists for each in one.records})
    told: dict[str, Any] = {
        "lists": lists,
        "flows": flows,
        "asked": asked,
        "reasons": reasons,
        "open_values": open_values,
    }
    return render(request, "todo.html", page="todo", total=sum(each.total for each in lists), **told)


def _lists(request: Request, flows: Sequence[str], asked: dict[str, str], open_values: bool) -> Iterator[FlowList]:
    """What waits in each flow. All of them together wait for runs no longer than a page may.

    The database of a flow is opened only where its last run left something, as that run published it.
    """
    ends = monotonic() + LOOK_S
    for name in flows:
        one = connected(request, name, max(ends - monotonic(), 0))
        left = facts_published(one)
        if not one.settings.flow_database(name).exists() or (left.is_known and left.states.keys().isdisjoint(STATES)):
            continue
        try:
            total, records = waiting(one, MOST, asked["reason"], asked["text"], open_values)
            yield FlowList(name, total, records)
        except StoreBusy:
            yield FlowList(name, is_busy=True)


@require("operate")
def plan(request: Request) -> Response:
    """Shows what a decision would do."""
    one, how = _asked(request)
    told: dict[str, Any] = {"flow": one.flow.id, "how": how, "most": MOST_CHANGES}
    if how in ANSWERS:
        keys = form_of(request).getlist("key")
        told |= {"rows": [], "changes": True, "seen": "", "wanted": None, "keys": keys}
        return render(request, "todo_plan.html", page="todo", **told)
    wanted = _request(one, request, how)
    found = propose(one, wanted, run_id(request))
    rows = [row | {"words": in_words(row["changes"], shows(one, False))} for row in found.rows]
    told |= {"rows": rows, "changes": found.changes, "seen": found.seen, "wanted": wanted, "keys": wanted.keys}
    return render(request, "todo_plan.html", page="todo", **told)


@require("operate")
def do(request: Request) -> Response:
    """Does what was shown."""
    one, how = _asked(request)
    form = form_of(request)
    keys = [str(key) for key in form.getlist("key")]
    note(request, ACTS.get(how, "resolve"), one.flow.id, keys)
    if how in ANSWERS:
        note_answer(one, keys[0], how == "there", run_id(request))
        rows = []
    else:
        wanted = _request(one, request, how)
        rows = carry_out(one, wanted, str(form.get("seen", "")), run_id(request))
    undone = sum(row["state"] in OPEN for row in rows)
    told: dict[str, Any] = {"flow": one.flow.id, "how": how, "keys": keys, "rows": rows, "undone": undone}
    return render(request, "todo_done.html", page="todo", **told)


def _asked(request: Request) -> tuple[ConnectedFlow, str]:
    form = form_of(request)
    how = str(form.get("how", ""))
    if how not in (*HOW, *ANSWERS):
        raise HTTPException(400)
    return connected(request, str(form.get("flow", ""))), how


def _request(one: ConnectedFlow, request: Request, how: str) -> intervention.Request:
    """What a form asks for. Without keys it is about all records that are not done for one reason."""
    form = form_of(request)
    keys = [str(key) for key in form.getlist("key")]
    if not keys and form.get("reason"):
        keys = intervention.keys_not_done(one, str(form["reason"]))
    if not keys:
        raise NotDone("Nothing waits for that any more.", "Load the page again.")
    texts = {name: str(form.get(name, "")).strip() for name in ("number", "why")}
    return intervention.Request(how, tuple(keys), force="force" in form, **texts)  # type: ignore[arg-type]


PAGE = Page("todo", "/todo", routes)
