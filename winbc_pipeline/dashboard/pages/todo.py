"""What waits for a person: each record with cause and fix, and buttons that first show what they would do."""

import re
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
from ...workbench.desk.waiting import STATES, Waiting, carry_out, is_made, propose, waiting
from ...workbench.plans import in_words, shows
from ...workbench.winstore_answers import note_answer
from ..answers import LOOK_S, asks_for_people, connected, flows_of, looked_into, note, run_id
from ..guard.forms import form_of
from ..guard.session import require
from ..page import Page
from ..reading.waiting import waiting_published
from ..render import render
from ..site import Site

MOST, MOST_CHANGES = 50, 12
# How messages name mapping tables (sync/outcomes.py, broken_rule).
LOOKUP, TABLE = re.compile(r"lookups/\w+\.csv"), re.compile(r"\((\w+\.csv) row \d+\)")
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
    """What waits in one flow; `is_busy` while a run may want its database: then it is as runs have published it."""

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
        "tables_named": tables_named,
    }
    return render(request, "todo.html", page="todo", total=sum(each.total for each in lists), **told)


def _lists(request: Request, flows: Sequence[str], asked: dict[str, str], open_values: bool) -> Iterator[FlowList]:
    """What waits in each flow. All of them together wait for runs no longer than a page may.

    The database of a flow is opened only where its last run left something, as that run published it, and while no run
    may want it.
    """
    ends = monotonic() + LOOK_S
    for name in flows:
        one = connected(request, name)
        left = facts_published(one)
        if left.is_known and left.states.keys().isdisjoint(STATES):
            continue
        try:
            free = looked_into(request, name, max(ends - monotonic(), 0))
            total, records = waiting(free, MOST, asked["reason"], asked["text"], open_values)
            yield FlowList(name, total, records)
        except StoreBusy:
            total, records = waiting_published(one, MOST, asked["reason"], asked["text"])
            yield FlowList(name, total, records, is_busy=True)


def tables_named(record: Waiting) -> list[str]:
    """The mapping tables that the message of a record names, those to add a row to first; as paths in the folder."""
    lookups = dict.fromkeys(LOOKUP.findall(record.message))
    return [*lookups, *dict.fromkeys(f"{record.flow}/{name}" for name in TABLE.findall(record.message))]


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

    def noted() -> None:
        note(request, ACTS.get(how, "resolve"), one.flow.id, keys)

    if how in ANSWERS:
        noted()
        note_answer(one, keys[0], how == "there", run_id(request))
        rows = []
    else:
        wanted = _request(one, request, how)
        rows = carry_out(one, wanted, str(form.get("seen", "")), run_id(request), noted)
    different = [row for row in rows if row["state"] in OPEN and is_made(row)]
    told: dict[str, Any] = {"flow": one.flow.id, "how": how, "keys": keys, "rows": rows, "different": different}
    told["undone"] = sum(row["state"] in OPEN for row in rows) - len(different)
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
