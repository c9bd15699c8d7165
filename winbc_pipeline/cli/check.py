"""What `winbc check` looks at: both connections, the mapping tables, and which calls are assumed."""

from collections.abc import Callable

from rich.console import Console

from .. import clock
from ..errors import WinbcError
from ..flows import FLOWS
from ..flows.orders import ORDERS_TO_BC
from ..settings import Settings
from ..sync.flow import Flow
from ..sync.map import checked_flow
from ..sync.ready import Ready, check_ready, needs_app
from ..systems.business_central import BusinessCentral
from ..systems.winstore import Winstore, load_profile
from .output import add_row, say, table_of, warn

PROBE = """
The probe sends Business Central a made-up customer with a document, and a document for each default customer of the
settings, each in a transaction that ends with a call which must fail: Business Central then undoes all of it. It shows
what API v2.0 does not: posting groups, templates, rules of extensions.
Numbers that its series give out may be used up. An extension that commits on its own, or that tells another system of
new documents, is not undone: try it on a copy of the company first. What is left behind is looked for, and named."""


def run_probe(console: Console, settings: Settings) -> bool:
    """Prints whether Business Central would take a first order."""
    from ..sync.probe import probe

    def tried() -> Ready:
        target = BusinessCentral(settings)
        try:
            return Ready(probe(ORDERS_TO_BC, settings, target))
        finally:
            target.close()

    return _passes(console, "Probe", tried)


def run_checks(console: Console, settings: Settings) -> bool:
    """Prints a line per check; returns whether all passed."""
    checks: list[tuple[str, Callable[[], Ready]]] = [
        ("Winstore profile", lambda: Ready(_profile(settings))),
        ("Winstore connection", lambda: Ready(_winstore(settings))),
        ("Business Central connection", lambda: Ready(_business_central(settings))),
        *((f"Mapping tables {flow.id}", lambda flow=flow: _tables(flow, settings)) for flow in FLOWS),
        *((f"What {flow.id} needs", lambda flow=flow: _ready(flow, settings)) for flow in FLOWS if flow.target == "bc"),
    ]
    passed = [_passes(console, name, check) for name, check in checks]
    return all(passed)


def run_contract(console: Console, settings: Settings) -> bool:
    """Prints what came of every call of Winstore's contract; returns whether all that were tried hold."""
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


def _passes(console: Console, name: str, check: Callable[[], Ready]) -> bool:
    try:
        found = check()
    except WinbcError as error:
        say(console, ("problem ", "red"), f"{name}: {error}")
        return False
    say(console, ("ok      ", "green"), f"{name}: {found.looked_at}")
    warn(console, found.warnings)
    return True


def _profile(settings: Settings) -> str:
    profile = load_profile(settings.winstore.profile)
    known = {each.call: each.known for each in profile.reads.values()}
    known |= {each.call: each.known for each in profile.writes.values()}
    assumed = [call for call, how in known.items() if how == "assumed"]
    return f"contract {profile.contract}; assumed, so try them first: {', '.join(assumed) or 'none'}"


def _winstore(settings: Settings) -> str:
    source = Winstore(settings)
    try:
        next(source.changed_since("articles", clock.now()))
    finally:
        source.close()
    return "articles can be read"


def _tables(flow: Flow, settings: Settings) -> Ready:
    return Ready(f"{len(checked_flow(flow, settings))} tables", tuple(needs_app(flow, settings)))


def _ready(flow: Flow, settings: Settings) -> Ready:
    target = BusinessCentral(settings)
    try:
        return check_ready(flow, settings, target)
    finally:
        target.close()


def _business_central(settings: Settings) -> str:
    target = BusinessCentral(settings)
    try:
        units = target.get("unitsOfMeasure?$top=1")
    finally:
        target.close()
    return f"company {settings.bc.company} answers ({'has' if units else 'has no'} units of measure)"
