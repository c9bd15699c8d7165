"""The mapping tables: the list of them, one in a grid, and saving it. What an edit would do: mapping_tries.py."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from ...errors import MappingError
from ...flows import FLOWS
from ...mapping.shipped import shape_of
from ...mapping.tables import LOOKUPS
from ...settings import Settings, sharing
from ...workbench.tables.drafts import Draft, Problem, flows_of_table, problems, unknown_codes
from ...workbench.tables.offered import offered
from ...workbench.tables.saving import (
    TableChanged,
    TableWrong,
    content_of,
    differences_between,
    give_up,
    history,
    kept,
    remember,
    save,
    shipped,
    tables,
)
from ...workbench.tables.sheet import EditedRow, Sheet, sheet_of, version_of
from ..answers import note, who
from ..guard.forms import form_of
from ..guard.session import require, session_of
from ..page import Page
from ..render import language_of, render
from ..site import Site, site_of
from ..words.said import Said
from . import mapping_tries

MOST_ROWS = 1500  # that the grid takes; a larger table is edited in a spreadsheet
SHIPPED = "shipped"


def routes(site: Site) -> Sequence[BaseRoute]:
    """The list, the grid, the check of what is typed, and saving."""
    return [
        Route("/mapping", show),
        Route("/mapping/table", grid),
        Route("/mapping/check", check, methods=["POST"]),
        Route("/mapping/save", keep, methods=["POST"]),
        Route("/mapping/give-up", take_away, methods=["POST"]),
        *mapping_tries.routes(site, draft_of),
    ]


def show(request: Request) -> Response:
    """Lists the tables, and says which of them are not as shipped, and which are shared."""
    settings, folders = site_of(request).settings, dict[str, list[tuple[Path, str, bool]]]()
    settings.tables.check()
    for table in tables(settings):
        own = shipped(table)
        state = "own" if own is None else "edited" if content_of(settings, table) != own else ""
        folders.setdefault(table.parts[0], []).append((table, state, settings.tables.is_shared(table)))
    on = {flow.id: flow.is_on(settings) for flow in FLOWS}
    ordered = sorted(folders.items(), key=lambda each: (not on.get(each[0], each[0] == LOOKUPS), each[0]))
    return render(request, "mapping.html", page="mapping", folders=ordered, on=on, base=settings.mapping_base)


def grid(request: Request) -> Response:
    """One table in a grid: as it is, or an earlier version or the shipped one, to be looked at and saved."""
    settings, table = site_of(request).settings, _table(request, request.query_params.get("name", ""))
    present = content_of(settings, table)
    version = request.query_params.get("version", "")
    content = _version(settings, table, version) if version else present
    return _grid(request, table, content, version_of(present), version)


def _grid(
    request: Request,
    table: Path,
    content: bytes,
    seen: str,
    version: str = "",
    found: Sequence[tuple[int, Problem]] = (),
) -> Response:
    """The page of a table.

    Args:
        content: what stands in the grid; seen: the version of the file that it would take the place of.
        version: what the content is, where it is not the file.
        found: mistakes, each with its place in the grid.
    """
    settings, sheet = site_of(request).settings, sheet_of(table, content)
    may_edit = session_of(request).may("admin") and len(sheet.rows) <= MOST_ROWS
    if may_edit:
        remember(settings, content)
    return render(
        request,
        "mapping_table.html",
        page="mapping",
        table=table,
        rows=[(row.number, sheet.values(row)) for row in sheet.rows[:MOST_ROWS]],
        columns=sheet.columns,
        known=shape_of(table).columns,
        base=sheet.version,
        seen=seen,
        version=version,
        flows=[flow.id for flow in flows_of_table(settings, table)],
        may_edit=may_edit,
        is_large=len(sheet.rows) > MOST_ROWS,
        offered=offered(settings, table),
        has_shipped=shipped(table) is not None,
        shared_by=sharing(settings, table) if settings.tables.is_shared(table) else [],
        hides_shared=settings.tables.in_base(table) and not settings.tables.is_shared(table),
        folder=settings.mapping_base,
        found=found,
        saved="saved" in request.query_params,
        last=next(iter(history(settings, table)), None),
    )


@require("admin")
def check(request: Request) -> Response:
    """Says, while somebody types, what the validator says of the table: each mistake with its row in the grid."""
    try:
        draft = draft_of(request)
        found, places = problems(draft), _places(request, draft)
        found = found or unknown_codes(draft, site_of(request).now())
    except MappingError as error:
        found, places = [Problem(0, "", error.message, error.hint)], {}
    told = Said(language_of(request)).told
    return JSONResponse(
        [
            {
                "row": places.get(each.row, -1),
                "column": each.column,
                "words": told(each.words),
                "hint": told(each.hint),
            }
            for each in found
        ]
    )


@require("admin")
def keep(request: Request) -> Response:
    """Saves the table, unless it has mistakes or its file is another one by now: then both are shown."""
    site, form, draft = site_of(request), form_of(request), draft_of(request)
    why = str(form.get("why", "")).strip()[:200]

    def noted() -> None:
        note(request, "edit", draft.table.as_posix())

    try:
        save(draft, str(form.get("seen", "")), who(request), site.now(), why, noted)
    except TableChanged:
        return _changed(request, draft)
    except TableWrong as error:
        places = {row.number: place for place, row in enumerate(sheet_of(draft.table, draft.content).rows)}
        found = [(places.get(each.row, -1), each) for each in error.problems]
        return _grid(request, draft.table, draft.content, str(form.get("seen", "")), found=found)
    return RedirectResponse(f"/mapping/table?{urlencode({'name': draft.table.as_posix(), 'saved': 1})}", 303)


@require("admin")
def take_away(request: Request) -> Response:
    """Takes the connection's own table away, so that the shared one serves again; unless its file is another one by
    now: then it is shown."""
    site, form = site_of(request), form_of(request)
    table, why = _table(request, str(form.get("name", ""))), str(form.get("why", "")).strip()[:200]
    try:
        seen = str(form.get("seen", ""))
        give_up(site.settings, table, seen, who(request), site.now(), why, lambda: note(request, "edit", str(table)))
    except TableChanged:
        return _changed(request, draft_of(request))
    return RedirectResponse(f"/mapping/table?{urlencode({'name': table.as_posix(), 'saved': 1})}", 303)


def _changed(request: Request, draft: Draft) -> Response:
    """Shows the file as it is now beside what the person has edited, so that neither is lost."""
    settings, base = draft.settings, kept(draft.settings, str(form_of(request).get("base", "")))
    present = content_of(settings, draft.table)
    told: dict[str, Any] = {
        "table": draft.table,
        "theirs": differences_between(draft.table, base, present),
        "yours": differences_between(draft.table, base, draft.content),
        "mine": remember(settings, draft.content),
    }
    return render(request, "mapping_changed.html", status=409, page="mapping", **told)


def draft_of(request: Request) -> Draft:
    """The table as the form of the grid has it.

    Raises: HTTPException for a form that is none of ours; MappingError for a value that the file cannot hold.
    """
    settings, form = site_of(request).settings, form_of(request)
    table = _table(request, str(form.get("name", "")))
    base = _version(settings, table, str(form.get("base", "")))
    sheet = sheet_of(table, base)
    return Draft(settings, table, sheet.edited([row for _, row in _rows(request, sheet)]))


def _rows(request: Request, sheet: Sheet) -> list[tuple[int, EditedRow]]:
    """The rows of the form that are not empty, each with its place in the grid."""
    form = form_of(request)
    numbers = [str(each) for each in form.getlist("row")]
    cells = {name: [str(each) for each in form.getlist(f"c:{name}")] for name in sheet.columns}
    if any(len(each) != len(numbers) for each in cells.values()) or not all(map(str.isdecimal, numbers)):
        raise HTTPException(400)
    rows = [
        EditedRow(int(number), {name: cells[name][place] for name in cells}) for place, number in enumerate(numbers)
    ]
    return [(place, row) for place, row in enumerate(rows) if any(value.strip() for value in row.values.values())]


def _places(request: Request, draft: Draft) -> dict[int, int]:
    """The place in the grid of each row of the edited file, by its number there."""
    sheet = sheet_of(draft.table, draft.content)
    places = [place for place, _ in _rows(request, sheet)]
    return {row.number: place for row, place in zip(sheet.rows, places, strict=False)}


def _table(request: Request, name: str) -> Path:
    """A table of the mapping folder; raises HTTPException (404) where there is none of this name."""
    found = next((each for each in tables(site_of(request).settings) if each.as_posix() == name), None)
    if found is None:
        raise HTTPException(404)
    return found


def _version(settings: Settings, table: Path, version: str) -> bytes:
    """The content of a version: the present one, the shipped one, or one that is kept."""
    present = content_of(settings, table)
    if version == version_of(present):
        return present
    own = shipped(table)
    return own if version == SHIPPED and own is not None else kept(settings, version)


PAGE = Page("mapping", "/mapping", routes)
