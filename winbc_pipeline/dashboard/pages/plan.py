"""A flow's plan: counts, field by field, filter, CSV; and approving what waits for an approval."""

import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from ...errors import NotDone
from ...sync.connected import ConnectedFlow
from ...sync.guards.source import WholeRead
from ...workbench import approval
from ...workbench.desk.plan_pages import Wanted, plan_page, seen, write_page
from ...workbench.plans import in_words, shows
from ..answers import asks_for_people, connected, flows_of, in_background, looked_into, note, run_id
from ..guard.forms import form_of
from ..guard.session import require
from ..page import Page
from ..render import render
from ..site import Site, site_of

PER_PAGE, MOST_CHANGES = 50, 12


def routes(_: Site) -> Sequence[BaseRoute]:
    """The plan, its CSV, and the approval."""
    return [
        Route("/plan", show),
        Route("/plan/csv", as_csv),
        Route("/plan/make", make, methods=["POST"]),
        Route("/plan/approve", look),
        Route("/plan/approve", approve, methods=["POST"]),
        Route("/plan/approve_read", approve_read, methods=["POST"]),
    ]


def show(request: Request) -> Response:
    """Shows a part of the plan."""
    asked = request.query_params
    one, wanted = _chosen(request), _wanted(request)
    number = max(int(asked["page"]), 1) if asked.get("page", "").isdecimal() else 1
    found = plan_page(one, wanted, (number - 1) * PER_PAGE, PER_PAGE)
    keys = [row["key"] for row in found.rows]
    open_values = asks_for_people(request, f"{one.flow.id}, plan", keys)
    rows = [row | {"words": in_words(row["changes"], shows(one, open_values))} for row in found.rows]
    query = {name: value for name, value in [("flow", one.flow.id), *vars(wanted).items()] if value}
    told: dict[str, Any] = {
        "found": found,
        "rows": rows,
        "wanted": wanted,
        "open_values": open_values,
        "most": MOST_CHANGES,
        "job": site_of(request).jobs.of(one.flow.id),
    }
    pages = -(-found.total // PER_PAGE)
    names = [flow.id for flow in flows_of(request)]
    return render(
        request,
        "plan.html",
        page="plan",
        flow=one.flow.id,
        flows=names,
        query=urlencode(query),
        number=number,
        number_of_pages=pages,
        **told,
    )


@require("operate")
def make(request: Request) -> Response:
    """Begins the dry run of a flow: it reads both systems, and writes to neither."""
    one = in_background(request, str(form_of(request).get("flow", "")))
    one.check_on()
    site_of(request).jobs.plan(one)
    return RedirectResponse(f"/plan?{urlencode({'flow': one.flow.id})}", 303)


def as_csv(request: Request) -> Response:
    """The wanted records for a spreadsheet."""
    one = _chosen(request)
    open_values = asks_for_people(request, f"{one.flow.id}, plan as CSV")
    with tempfile.NamedTemporaryFile(prefix="plan-", suffix=".csv", delete=False) as file:
        path = Path(file.name)
    write_page(one, _wanted(request), path, open_values)
    done = BackgroundTask(path.unlink, missing_ok=True)
    return FileResponse(path, media_type="text/csv", filename=f"plan_{one.flow.id}.csv", background=done)


def look(request: Request) -> Response:
    """Shows what waits for an approval."""
    one = _chosen(request)
    return render(request, "plan_approve.html", page="plan", flow=one.flow.id, **_waiting(one))


def _waiting(one: ConnectedFlow) -> dict[str, Any]:
    """What a person can approve in a flow: its plan, a read of its source, or neither."""
    told: dict[str, Any] = {"proposal": None, "seen": "", "read": None, "why_not": None, "examples": []}
    try:
        found = approval.proposal(one)
        examples = [row | {"words": in_words(row["changes"], shows(one, False))} for row in found.examples]
        told |= {"proposal": found, "seen": seen(found), "examples": examples}
    except NotDone as error:
        told["why_not"] = error
    with suppress(NotDone):
        told["read"] = approval.refused_read(one)
    return told


@require("operate")
def approve(request: Request) -> Response:
    """Lets exactly what was shown pass."""
    form = form_of(request)
    one = connected(request, str(form.get("flow", "")))
    found = approval.proposal(one)
    if seen(found) != form.get("seen"):
        raise NotDone("The plan changed while you were looking; nothing was approved.", "Look at it again.")
    note(request, "approve", one.flow.id)
    approval.approve(one, found, run_id(request), once="once" in form)
    return render(
        request, "plan_approved.html", page="plan", flow=one.flow.id, ended=found.in_safe_mode and "once" not in form
    )


@require("operate")
def approve_read(request: Request) -> Response:
    """Lets the next whole read of a source pass that gives about as many records as the refused one."""
    form = form_of(request)
    one = connected(request, str(form.get("flow", "")))
    found: WholeRead = approval.refused_read(one)
    if str(found.refused) != form.get("refused"):
        raise NotDone("Another read was refused meanwhile; nothing was approved.", "Look at it again.")
    note(request, "approve", f"{one.flow.id}, read of the source")
    approval.approve_read(one, found)
    return render(request, "plan_approved.html", page="plan", flow=one.flow.id, ended=False)


def _chosen(request: Request) -> ConnectedFlow:
    """The flow that a request names, or the first one that is on, to look into."""
    return looked_into(request, request.query_params.get("flow") or flows_of(request)[0].id)


def _wanted(request: Request) -> Wanted:
    names = ("part", "action", "reason", "text")
    return Wanted(**{name: request.query_params.get(name, "").strip() for name in names})


PAGE = Page("plan", "/plan", routes)
