"""Every record: what became of it, when, in which run; and one record's story."""

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from urllib.parse import urlencode
from uuid import UUID

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from ...flows import FLOWS
from ...staging.ledger import State
from ...staging.looking import looking
from ...staging.store import Row
from ...sync.outcomes import REASONS
from ...workbench.plans import harmless
from ...workbench.trace import trace
from ..answers import WAIT_S, looked_into, note
from ..guard.session import require
from ..page import Page
from ..reading.activity import DONE_WORDS, MOST, MOST_EXPORTED, Filter, newest
from ..reading.activity import PAGE as ROWS
from ..reading.story import story
from ..render import render
from ..site import Site, site_of

COLUMNS = (
    *("moment", "flow", "part", "key", "target_no", "state", "action", "reason", "message"),
    *("amount", "currency", "run_id"),
)
CENT = Decimal("0.01")


def routes(_: Site) -> Sequence[BaseRoute]:
    """The list, its export, and the story of a record."""
    return [
        Route("/activity", show),
        Route("/activity.csv", export),
        Route("/activity/{flow}/{key:path}", show_story),
        Route("/activity/{flow}/{key:path}", show_values, methods=["POST"]),
    ]


@require("view")
def show(request: Request) -> Response:
    """A page of outcomes by filter."""
    wanted, offset = _filter(request), _offset(request)
    found = newest(site_of(request).settings, wanted, offset)
    return render(
        request,
        "activity.html",
        page="activity",
        rows=found[:ROWS],
        wanted=wanted,
        flows=FLOWS,
        known={flow.id: flow for flow in FLOWS},
        money=money,
        states=[*DONE_WORDS, *State],
        reasons=REASONS,
        offset=offset,
        before=_address(wanted, offset - ROWS) if offset else "",
        after=_address(wanted, offset + ROWS) if len(found) > ROWS and offset + ROWS < MOST else "",
        export="/activity.csv?" + urlencode(wanted.given),
    )


@require("view")
def export(request: Request) -> Response:
    """The outcomes of a filter for a spreadsheet."""
    rows = newest(site_of(request).settings, _filter(request), limit=MOST_EXPORTED)[:MOST_EXPORTED]
    headers = {"content-disposition": 'attachment; filename="activity.csv"'}
    return StreamingResponse(_lines(rows), media_type="text/csv; charset=utf-8", headers=headers)


def _lines(rows: list[Row]) -> Iterator[str]:
    yield "\ufeff" + _line(COLUMNS)
    for row in rows:
        yield _line(["" if row[name] is None else str(row[name]) for name in COLUMNS])


def _line(cells: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow([harmless(cell) for cell in cells])
    return text.getvalue()


@require("view")
def show_story(request: Request) -> Response:
    """One record's story, with people's values masked."""
    return _story(request, values=None)


@require("operate")
def show_values(request: Request) -> Response:
    """The same with people's values, as they are kept; that somebody asked is noted."""
    flow, key = request.path_params["flow"], request.path_params["key"]
    note(request, "show", flow, [key])
    with looking(WAIT_S):
        values = trace(looked_into(request, flow), key, bodies=True)
    return _story(request, values)


def _story(request: Request, values: object) -> Response:
    flow, key = request.path_params["flow"], request.path_params["key"]
    found = story(site_of(request).settings, flow, key)
    if found is None:
        raise HTTPException(404)
    return render(
        request,
        "story.html",
        page="activity",
        story=found,
        flow=flow,
        key=key,
        values=values,
        money=money,
        is_dagster=is_dagster,
    )


def money(amount: Decimal | None) -> Decimal | None:
    """An amount with two decimals at least, and all that it has."""
    if amount is None:
        return None
    return max(amount.quantize(CENT), amount.normalize(), key=lambda each: abs(each.as_tuple().exponent))  # type: ignore[arg-type]


def is_dagster(run: str) -> bool:
    """Whether the id of a run is one of Dagster's."""
    try:
        UUID(run)
    except ValueError:
        return False
    return True


def _filter(request: Request) -> Filter:
    given = request.query_params
    texts = {name: given.get(name, "").strip() for name in ("flow", "text", "state", "reason", "run")}
    return Filter(**texts, first=_day(given.get("first", "")), last=_day(given.get("last", "")))


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise HTTPException(400) from None


def _offset(request: Request) -> int:
    text = request.query_params.get("offset", "0")
    return min(int(text), MOST) if text.isascii() and text.isdigit() else 0


def _address(wanted: Filter, offset: int) -> str:
    return "/activity?" + urlencode(wanted.given | {"offset": str(max(offset, 0))})


PAGE = Page("activity", "/activity", routes)
