"""Prints what `winbc check` found."""

from collections.abc import Iterable

from rich.console import Console

from ..errors import WinbcError
from ..flows import FLOWS
from ..settings import Settings
from ..systems.winstore import Winstore
from ..workbench.checks import Check, checks, probe_checks
from ..workbench.readiness import CheckResult
from .dagster_home import other_configuration
from .output import add_row, say, table_of, warn

PROBE = """
The probe sends a made-up customer with a document to Business Central, and a document for each default customer of the
settings. If stock goes to Business Central, it also gives one item one piece more. Each goes in a transaction whose
last call must fail. Business Central then undoes all of it.
The probe finds what API v2.0 does not show: missing posting groups and templates, and rules of extensions.
Numbers of number series may be used up. What an extension commits on its own, or sends to another system, is not
undone: try the probe on a copy of the company first. Afterwards the probe looks for documents that were left behind,
and names them."""


def run_probe(console: Console, settings: Settings) -> bool:
    """Prints whether Business Central would take a first order and a change of stock; returns whether it would."""
    return _all_pass(console, probe_checks(settings))


def run_checks(console: Console, settings: Settings) -> bool:
    """Prints a line per check; returns whether all passed."""
    definitions = Check("Sensors and schedules", lambda: _definitions(settings))
    return _all_pass(console, (definitions, *checks(settings)))


def _definitions(settings: Settings) -> CheckResult:
    from ..build import build_defs

    build_defs(settings=settings)
    timings = [settings.timing(flow.id) for flow in FLOWS]
    sensors, sweeps = sum(each.sensors for each in timings), sum(each.schedules for each in timings)
    looked_at = f"of {len(FLOWS)} flows, {sensors} start with the sensor on, {sweeps} with the schedules on"
    other = other_configuration((settings.data_folder / settings.connection / "dagster_home").resolve(), settings)
    return CheckResult(looked_at, (other,) if other else ())


def run_contract(console: Console, settings: Settings) -> bool:
    """Prints the outcome of every call of Winstore's contract; returns whether Winstore answers as assumed."""
    from ..systems.winstore.contract import examine

    table = table_of("call", "outcome", "detail")
    source = Winstore(settings)
    try:
        findings = list(examine(source))
    finally:
        source.close()
    for finding in findings:
        add_row(table, finding.call, finding.outcome, finding.detail)
    console.print(table)
    return not any(finding.outcome in ("fail", "assumed, does not hold") for finding in findings)


def _all_pass(console: Console, several: Iterable[Check]) -> bool:
    """Prints a line per check. A problem that several have is told whole with the first of them only."""
    told: dict[str, str] = {}
    for check in several:
        try:
            found = check.run()
        except WinbcError as error:
            first = told.setdefault(str(error), check.name)
            words = str(error) if first == check.name else f"the same as {first}"
            say(console, ("problem ", "red"), f"{check.name}: {words}")
            continue
        say(console, ("ok      ", "green"), f"{check.name}: {found.looked_at}")
        warn(console, found.warnings)
    return not told
