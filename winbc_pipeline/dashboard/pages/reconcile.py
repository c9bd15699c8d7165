"""The last whole comparison of both systems, flow by flow; making one now, and repairing what differs."""

import csv
import io
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from ...systems.business_central.client import dumps
from ...workbench.plans import harmless, in_words, shows
from ...workbench.reconcile.findings import KINDS
from ...workbench.reconcile.report import Report, last_report
from ..answers import connected, flows_of, in_background, note
from ..guard.forms import form_of
from ..guard.session import require
from ..page import Page
from ..render import render
from ..site import Site, site_of

MOST = 200
COLUMNS = ("part", "kind", "key", "number", "reason")


def routes(_: Site) -> Sequence[BaseRoute]:
    """The report, its findings as CSV, a new comparison, and both steps of a repair."""
    return [
        Route("/reconcile", show),
        Route("/reconcile/csv", as_csv),
        Route("/reconcile/compare", compare, methods=["POST"]),
        Route("/reconcile/repair", look),
        Route("/reconcile/repair", mend, methods=["POST"]),
    ]


def show(request: Request) -> Response:
    """Shows when each flow was last compared, and what one of them came to."""
    flows = [flow.id for flow in flows_of(request)]
    reports = {name: last_report(connected(request, name)) for name in flows}
    first = next((name for name, report in reports.items() if report), flows[0] if flows else "")
    chosen, kind = request.query_params.get("flow") or first, request.query_params.get("kind", "")
    report = reports.get(chosen)
    findings = _findings(report, kind)
    told: dict[str, Any] = {"reports": reports, "flow": chosen, "kind": kind, "kinds": KINDS, "report": report}
    told["job"] = site_of(request).jobs.of(chosen)
    return render(
        request, "reconcile.html", page="reconcile", findings=findings[:MOST], total=len(findings), most=MOST, **told
    )


@require("operate")
def compare(request: Request) -> Response:
    """Begins a comparison of a flow: it reads both systems whole, and writes to neither."""
    one = in_background(request, str(form_of(request).get("flow", "")))
    site_of(request).jobs.compare(one)
    return _back(one.flow.id)


@require("operate")
def look(request: Request) -> Response:
    """Shows what a repair would send."""
    one = connected(request, request.query_params.get("flow", ""))
    job, wanted = site_of(request).jobs.proposed(one)
    shown = shows(one)
    rows = [(each, in_words(dumps(list(each.changes)).decode(), shown)) for each in wanted[:MOST]]
    both_ways = one.flow.direction(one.settings) == "both"
    told: dict[str, Any] = {"flow": one.flow.id, "job": job, "wanted": rows, "both_ways": both_ways}
    return render(request, "reconcile_repair.html", page="reconcile", total=len(wanted), most=MOST, **told)


@require("operate")
def mend(request: Request) -> Response:
    """Begins to send exactly what was shown."""
    form, jobs = form_of(request), site_of(request).jobs
    one, seen = in_background(request, str(form.get("flow", ""))), str(form.get("seen", ""))

    def noted(keys: list[str]) -> None:
        note(request, "repair", one.flow.id, keys)

    jobs.repair(one, int(seen) if seen.isdecimal() else 0, noted, one.flow.source if "take" in form else "")
    return _back(one.flow.id)


def _back(flow: str) -> Response:
    return RedirectResponse(f"/reconcile?{urlencode({'flow': flow})}", 303)


def as_csv(request: Request) -> Response:
    """The findings of one flow for a spreadsheet."""
    one = connected(request, request.query_params.get("flow", ""))
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([*COLUMNS, "fields"])
    for each in _findings(last_report(one), request.query_params.get("kind", "")):
        cells = [*(each[name] for name in COLUMNS), "; ".join(each["fields"])]
        writer.writerow([harmless(cell) for cell in cells])
    headers = {"Content-Disposition": f'attachment; filename="reconcile_{one.flow.id}.csv"'}
    return Response(text.getvalue().encode("utf-8-sig"), media_type="text/csv", headers=headers)


def _findings(report: Report | None, kind: str) -> list[dict[str, Any]]:
    return [each for each in report.findings if kind in ("", each["kind"])] if report else []


PAGE = Page("reconcile", "/reconcile", routes)
