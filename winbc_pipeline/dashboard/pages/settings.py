"""All settings with the source of each value, the checks of the connection, and when each flow runs."""

from collections.abc import Sequence
from datetime import timedelta

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from ...errors import ConfigurationError, WinbcError
from ...staging.notes.pause import pause, paused_until, resume
from ...workbench.checks import checks
from ...workbench.desk.settings_told import Told, settings_told
from ..answers import connected, flows_of, note
from ..guard.forms import form_of
from ..guard.session import require
from ..page import Page
from ..render import render
from ..site import Site, site_of
from ..switches import ENDINGS, switches, turn

HOURS = (1, 4, 24, 72)  # for which a person may let a flow rest


def routes(_: Site) -> Sequence[BaseRoute]:
    """The page, the checks, letting a flow rest, and switching what starts its runs."""
    return [
        Route("/settings", show),
        Route("/settings/switches", show_switches),
        Route("/settings/switch", switch, methods=["POST"]),
        Route("/settings/check", check, methods=["POST"]),
        Route("/settings/pause", rest, methods=["POST"]),
        Route("/settings/resume", go_on, methods=["POST"]),
    ]


def show(request: Request) -> Response:
    """Shows every setting, section by section, and when each flow runs."""
    site = site_of(request)
    sections: dict[str, list[Told]] = {}
    for each in settings_told(site.settings):
        sections.setdefault(each.section, []).append(each)
    timings = [
        (flow.id, site.settings.timing(flow.id), paused_until(site.settings, flow.id, site.now()))
        for flow in flows_of(request)
    ]
    return render(
        request,
        "settings.html",
        page="settings",
        sections=list(sections.items()),
        timings=timings,
        hours=HOURS,
        has_dagster=request.app.state.dagster is not None,
    )


@require("view")
async def show_switches(request: Request) -> Response:
    """The part of the page that says what of each flow is on, as Dagster has it now."""
    known = await switches(_dagster(request))
    flows = [(flow.id, [(kind, known.get((flow.id, kind))) for kind in ENDINGS]) for flow in flows_of(request)]
    return render(request, "settings_switches.html", flows=flows)


@require("operate")
async def switch(request: Request) -> Response:
    """Switches the sensor or the schedule of a flow on or off."""
    texts = {name: str(form_of(request).get(name, "")) for name in ("flow", "kind", "to")}
    known = {(flow, str(kind)): each for (flow, kind), each in (await switches(_dagster(request))).items()}
    found = known.get((texts["flow"], texts["kind"]))
    if found is None or texts["to"] not in ("on", "off"):
        raise HTTPException(400)
    await run_in_threadpool(note, request, "dagster", f"{found.name} {texts['to']}")
    await turn(_dagster(request), found, texts["to"] == "on")
    return RedirectResponse("/settings#switches", 303)


def _dagster(request: Request) -> ASGIApp:
    dagster: ASGIApp | None = request.app.state.dagster
    if dagster is None:
        raise HTTPException(404)
    return dagster


@require("operate")
def check(request: Request) -> Response:
    """Carries the checks out and says what each of them found; none of them writes."""
    results = []
    for each in checks(site_of(request).settings):
        try:
            found = each.run()
            results.append((each.name, str(found.looked_at), found.warnings, ""))
        except WinbcError as error:
            results.append((each.name, "", (), str(error)))
    return render(request, "settings_checks.html", results=results)


@require("operate")
def rest(request: Request) -> Response:
    """Lets a flow rest for some hours."""
    form, site = form_of(request), site_of(request)
    one, hours = connected(request, str(form.get("flow", ""))), str(form.get("hours", ""))
    if hours not in map(str, HOURS):
        raise ConfigurationError("A pause lasts one of the hours that the page offers.")
    note(request, "pause", one.flow.id)
    pause(site.settings, one.flow.id, site.now() + timedelta(hours=int(hours)))
    return RedirectResponse("/settings#flows", 303)


@require("operate")
def go_on(request: Request) -> Response:
    """Ends the pause of a flow."""
    one = connected(request, str(form_of(request).get("flow", "")))
    note(request, "resume", one.flow.id)
    resume(site_of(request).settings, one.flow.id)
    return RedirectResponse("/settings#flows", 303)


PAGE = Page("settings", "/settings", routes)
