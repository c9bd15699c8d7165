"""The last whole comparison of both systems, flow by flow."""

import csv
import io
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ...workbench.plans import harmless
from ...workbench.reconcile.findings import KINDS
from ...workbench.reconcile.report import Report, last_report
from ..answers import connected, flows_of
from ..page import Page
from ..render import render
from ..site import Site

MOST = 200
COLUMNS = ("part", "kind", "key", "number", "reason")


def routes(_: Site) -> Sequence[BaseRoute]:
    """The report, and its findings as CSV."""
    return [Route("/reconcile", show), Route("/reconcile/csv", as_csv)]


def show(request: Request) -> Response:
    """Shows when each flow was last compared, and what one of them came to."""
    flows = [flow.id for flow in flows_of(request)]
    reports = {name: last_report(connected(request, name)) for name in flows}
    first = next((name for name, report in reports.items() if report), flows[0] if flows else "")
    chosen, kind = request.query_params.get("flow") or first, request.query_params.get("kind", "")
    report = reports.get(chosen)
    findings = _findings(report, kind)
    told: dict[str, Any] = {"reports": reports, "flow": chosen, "kind": kind, "kinds": KINDS, "report": report}
    return render(
        request, "reconcile.html", page="reconcile", findings=findings[:MOST], total=len(findings), most=MOST, **told
    )


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
