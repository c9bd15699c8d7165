"""What an edited table would do before it is saved: on chosen records, on all, in its tests; and its history."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ...errors import NotDone
from ...health.publishing.masking import holds_goods
from ...sync.connected import ConnectedFlow
from ...sync.flow import Flow
from ...workbench.impact import Impact, impact
from ...workbench.shown import Shown
from ...workbench.tables.drafts import Compared, Draft, compared, results_of
from ...workbench.tables.saving import content_of, differences_between, history, of_base, shipped
from ..answers import WAIT_S, note
from ..guard.forms import form_of
from ..guard.session import require
from ..render import render
from ..site import Site

SAMPLE, MOST_NAMED = 3, 50
DraftOf = Callable[[Request], Draft]
counting = threading.Lock()  # one count of all records at a time: it takes a copy of a database and its memory


@dataclass(frozen=True)
class Tries:
    """The parts of the page of a table. Each takes the form of the grid.

    Attributes:
        draft_of: gives the table as that form has it.
    """

    draft_of: DraftOf

    def on_records(self, request: Request) -> Response:
        """Shows chosen records under the present table and under the edited one."""
        form, draft = form_of(request), self.draft_of(request)
        flow = _flow(draft, str(form.get("flow", "")))
        key = str(form.get("key", "")).strip() or None
        found = compared(draft, flow, key, SAMPLE, WAIT_S)
        wants_people = "open" in form
        if wants_people:
            note(request, "show", f"{flow.id}, preview", {each.key for each in found})
        shown = Shown(ConnectedFlow(flow, draft.settings), wants_people)
        records = [_shown(each, shown) for each in found]
        is_open = wants_people or holds_goods(flow)
        return render(request, "mapping_records.html", records=records, is_open=is_open, flow=flow.id, key=key)

    def on_all(self, request: Request) -> Response:
        """Counts what the next plan would do with all staged records by the edited table."""
        draft = self.draft_of(request)
        if not counting.acquire(blocking=False):
            raise NotDone("Somebody counts just now.", "Try again in a moment.")
        try:
            with draft.tried() as settings:
                found = {
                    flow.id: impact(ConnectedFlow(flow, settings, wait_s=WAIT_S))
                    for flow in draft.flows
                    if flow.is_on(settings) and ConnectedFlow(flow, settings).store.exists()
                }
        finally:
            counting.release()
        return render(request, "mapping_impact.html", found=found, changes=_changes(found), most=MOST_NAMED)

    def in_tests(self, request: Request) -> Response:
        """Runs the tests beside the edited table."""
        results = results_of(self.draft_of(request))
        failed = [(folder, each) for folder, each in results if each.differences]
        left_out = [(folder, each) for folder, each in results if each.left_out]
        passed = len(results) - len(failed) - len(left_out)
        return render(request, "mapping_tests.html", passed=passed, failed=failed, left_out=left_out)

    def compared(self, request: Request) -> Response:
        """Says how the edited table differs from the saved one, the shared one and the shipped one."""
        draft = self.draft_of(request)
        present, own = content_of(draft.settings, draft.table), shipped(draft.table)
        unsaved = differences_between(draft.table, present, draft.content)
        from_shipped = None if own is None else differences_between(draft.table, own, draft.content)
        base = of_base(draft.settings, draft.table)
        from_shared = None if base is None else differences_between(draft.table, base, draft.content)
        found: dict[str, Any] = {"unsaved": unsaved, "from_shared": from_shared, "from_shipped": from_shipped}
        return render(request, "mapping_differences.html", **found)

    def past(self, request: Request) -> Response:
        """Lists the kept versions: who saved them, when and why."""
        draft = self.draft_of(request)
        versions = history(draft.settings, draft.table)
        return render(request, "mapping_history.html", versions=versions, table=draft.table)


def routes(_: Site, draft_of: DraftOf) -> Sequence[BaseRoute]:
    """The parts of the page of a table."""
    tries = Tries(draft_of)
    parts = {
        "records": tries.on_records,
        "impact": tries.on_all,
        "tests": tries.in_tests,
        "differences": tries.compared,
        "history": tries.past,
    }
    return [Route(f"/mapping/{name}", require("admin")(part), methods=["POST"]) for name, part in parts.items()]


def _flow(draft: Draft, name: str) -> Flow:
    flows = draft.flows
    if not flows:
        raise NotDone("No flow maps with this table.", "Name it in a formula: lookup('name', field).")
    return next((flow for flow in flows if flow.id == name), flows[0])


def _shown(record: Compared, shown: Shown) -> Compared:
    """A record with its values as people may see them; none stays none."""
    part = shown.connected.flow.part(record.part)

    def target(name: str, value: Any) -> str | None:
        return None if value is None else shown.target(part, name, value)

    fields = [
        replace(
            each,
            sources={name: value and shown.source(name, value) for name, value in each.sources.items()},
            before=target(each.field, each.before),
            after=target(each.field, each.after),
            live=target(each.field, each.live),
        )
        for each in record.fields
    ]
    return replace(record, fields=tuple(fields))


def _changes(found: dict[str, list[Impact]]) -> int:
    return sum(each.created + each.changed for one in found.values() for each in one)
