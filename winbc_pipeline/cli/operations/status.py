"""`winbc status` and `winbc metrics`: how every flow is, by what is stored. Nothing is asked or sent."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console

from ... import clock
from ...errors import WinbcError
from ...flows import check_flow_settings
from ...health.lateness import FlowHealth
from ...health.report import SET_UP, Report, as_json, prometheus, report
from ...health.words import duration, fix_of, head, records_of
from ...settings import Settings, load_settings
from ..failures import options
from ..output import add_row, say, table_of
from ..setup.served import followed_in, is_served
from .moments import in_words

console = Console()


def status(
    as_data: Annotated[bool, typer.Option("--json", help="For programs: all of it as JSON")] = False,
) -> None:
    """How every flow is. Exit codes: 0 fine, 1 something failed, 2 a flow is late, 3 the set-up is wrong."""
    try:
        settings = _settings()
        found = report(settings, clock.now(), is_served(followed_in(settings)))
    except WinbcError as error:
        if options.debug:
            raise
        say(console, (str(error), "red"))
        raise typer.Exit(SET_UP) from None
    if as_data:
        print(orjson.dumps(as_json(found), option=orjson.OPT_INDENT_2).decode())
    else:
        _show(found, settings)
    raise typer.Exit(found.exit_code)


def metrics(
    file: Annotated[Path | None, typer.Option(help="Write to this file, for node_exporter's text files")] = None,
) -> None:
    """The figures of every flow, as Prometheus reads them."""
    text = prometheus(report(_settings(), clock.now()))
    if file is None:
        print(text, end="")
        return
    half = file.with_name(f"{file.name}.half")
    half.write_text(text, encoding="utf-8")
    half.replace(file)  # a reader never finds half of it


def _settings() -> Settings:
    settings = load_settings()
    check_flow_settings(settings)
    return settings


def _show(found: Report, settings: Settings) -> None:
    names = ("flow", "state", "followed until", "answered", "waits", "for a person", "records by state")
    table = table_of(*names, "writes", "sensor", "sweep (UTC)", whole="flow")
    for flow in found.flows:
        facts, timing = flow.facts, flow.timing
        states = ", ".join(f"{count} {state}" for state, count in sorted(facts.states.items()))
        none = "never" if facts.is_known else "?"
        is_asked, is_swept = flow.is_on and timing.sensors, flow.is_on and timing.schedules
        add_row(
            table,
            flow.flow,
            flow.state,
            f"{facts.watermark:%Y-%m-%d %H:%M:%S}" if facts.watermark else none,
            _ago(flow.poll.answered_at, found.at),
            _ago(flow.waiting_since, found.at),
            _ago(facts.person_since, found.at) if facts.is_known else "?",
            states if facts.is_known else "?",
            _writes(flow),
            f"every {timing.sensor_seconds} s" if is_asked else "off",
            timing.cron if is_swept else "off",
        )
    console.print(table)
    _show_flows(found, settings)
    _show_problems(found)


def _show_flows(found: Report, settings: Settings) -> None:
    for flow in found.flows:
        if flow.paused_until:
            say(console, f"{flow.flow}: paused until {in_words(flow.paused_until, settings)}.")
        if flow.late:
            say(console, ("LATE ", "red"), f"{flow.flow}: {flow.words}")
        if not flow.facts.is_known:
            say(console, f"{flow.flow}: busy: a run is at work. What its database holds is not known now.")
        if flow.holder:
            say(console, f"{flow.flow}: process {flow.holder.process} writes since {flow.holder.since:%H:%M:%S} UTC.")


def _show_problems(found: Report) -> None:
    for problem in found.problems:
        if problem.name.kind != "late":
            say(console, (head(problem), "red"), f". {problem.words} {fix_of(problem)}")
            for line in records_of(problem):
                say(console, f"  {line}")
    if found.held:
        until = f"{found.held.until:%Y-%m-%d %H:%M:%S} UTC"
        say(console, f"Alerts: many went out, so messages about {found.held.count} problems are held until {until}.")
    for channel in found.down:
        words = f"Alerts: {channel.name} takes no messages since {channel.down_since:%Y-%m-%d %H:%M:%S} UTC."
        say(console, (words, "red"), " `winbc alerts test` tries it, and says why.")


def _writes(flow: FlowHealth) -> str:
    if not flow.is_on or flow.paused_until:
        return "no"
    return {None: "?", True: "safe mode", False: "yes"}[flow.safe_mode]


def _ago(moment: datetime | None, at: datetime) -> str:
    return duration(at - moment) + " ago" if moment else ""
