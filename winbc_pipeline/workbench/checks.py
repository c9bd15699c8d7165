"""What `winbc check` looks at: this machine, both connections, mapping tables, and what each flow needs in BC.

Here belongs: the list of checks. A check says what it looked at, and raises WinbcError when something is wrong.
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from tempfile import TemporaryFile

from .. import clock
from ..errors import AuthenticationFailed, ConfigurationError, WinbcError
from ..flows import FLOWS
from ..flows.orders import ORDERS_TO_BC
from ..flows.stock import STOCK_TO_BC
from ..settings import SHIPPED_TABLES, Settings
from ..staging import ledger
from ..staging.store import writing
from ..sync.connected import ConnectedFlow
from ..sync.documents.by_key.negotiated import OrderRequests
from ..sync.records.special.gone import in_words, reported
from ..sync.stock import report, rules
from ..systems.business_central import BusinessCentral
from ..systems.business_central.companion import app_client, capabilities, entity_sets
from ..systems.winstore import Winstore, load_profile
from ..systems.winstore.abilities import lacking
from .missing_rows import left_out, missing_dimension_values, missing_rows, not_carried, pictures_not_carried
from .probe import probe
from .readiness import CheckResult, check_ready, needs_app
from .stock import probe as stock_probe

READ = ("customers", "items", "salesOrders")  # entity sets of Business Central that are tried one by one


@dataclass(frozen=True)
class Check:
    """One check. `run` carries it out, and raises WinbcError that names cause and fix."""

    name: str
    run: Callable[[], CheckResult]


def checks(settings: Settings) -> Iterator[Check]:
    """All checks of a connection, in the order in which people read them. None of them writes."""
    yield Check("This machine", lambda: CheckResult(_machine(settings)))
    yield Check("Winstore profile", lambda: _profile(settings))
    for entity in dict.fromkeys(flow.entity for flow in FLOWS if flow.source == "winstore"):
        yield Check(f"Winstore {entity}", partial(read_winstore, settings, entity))
    yield Check("Business Central connection", lambda: CheckResult(_business_central(settings)))
    for entity in READ:
        yield Check(f"Business Central {entity}", partial(_business_central_reads, settings, entity))
    if settings.bc.companion_app != "off":
        yield Check("Companion app", lambda: _companion_app(settings))
    connected = [ConnectedFlow(flow, settings) for flow in FLOWS]
    for each in connected:
        yield Check(f"Mapping tables {each.flow.id}", lambda each=each: _tables(each))  # type: ignore[misc]
    for each in connected:
        if each.flow.is_on(settings):
            yield Check(f"Records of {each.flow.id}", lambda each=each: _records(each))  # type: ignore[misc]
    for each in connected:
        if each.flow.gone:
            yield Check(f"Gone records of {each.flow.id}", lambda each=each: _gone(each))  # type: ignore[misc]
    for each in connected:
        if each.flow.emptied and each.flow.is_on(settings):
            yield Check(f"SKUs of {each.flow.id}", lambda each=each: _stock(each))  # type: ignore[misc]
    for each in connected:
        if each.flow.target == "bc":
            yield Check(f"What {each.flow.id} needs", lambda each=each: _ready(each))  # type: ignore[misc]


def probe_checks(settings: Settings) -> Iterator[Check]:
    """Checks whether Business Central would take a first order, and a change of stock. It undoes both."""
    yield _order_probe(settings)
    if STOCK_TO_BC.is_on(settings):
        yield Check("Probe of stock", lambda: CheckResult(_with_target(settings, stock_probe.probe)))


def _with_target(settings: Settings, ask: Callable[[BusinessCentral], str]) -> str:
    target = BusinessCentral(settings)
    try:
        return ask(target)
    finally:
        target.close()


def _order_probe(settings: Settings) -> Check:

    connected = ConnectedFlow(ORDERS_TO_BC, settings)
    return Check("Probe", lambda: CheckResult(_with_target(settings, lambda target: probe(connected, target))))


def _machine(settings: Settings) -> str:
    """Whether the clock can be right, the data folder takes files, and the databases can be read."""
    today, folder = clock.now().date(), settings.data_folder / settings.connection
    if today < settings.history_start:
        hint = "Set the clock of this machine, or the setting."
        raise ConfigurationError(f"the clock says {today}, before history_start ({settings.history_start}).", hint)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with TemporaryFile(dir=folder) as file:
            file.write(b"x")
    every = [ConnectedFlow(flow, settings).store for flow in FLOWS]
    stores = [store for store in every if store.exists()]
    for store in stores:
        ledger.newest(store, "CONFIRMED")
    free = shutil.disk_usage(folder).free // 2**20
    return f"{folder} takes files ({free} MB free), {len(stores)} databases can be read"


def _profile(settings: Settings) -> CheckResult:
    """Which calls of the profile nobody has published, and what a profile of version 1 cannot do."""
    profile = load_profile(settings.winstore.profile)
    assumed = dict.fromkeys(each.call for each in profile.calls if each.known == "assumed")
    looked_at = f"contract {profile.contract}; assumed, so try them first: {', '.join(assumed) or 'none'}"
    return CheckResult(looked_at, tuple(f"the Winstore profile has {words}" for words in lacking(profile)))


def read_winstore(settings: Settings, entity: str) -> CheckResult:
    """Asks Winstore for the changes of an entity since now; raises WinbcError when it does not answer so."""
    source = Winstore(settings)
    try:
        next(source.changed_since(entity, clock.now()))
    finally:
        source.close()
    return CheckResult(f"can be read ({source.profile.entity(entity).call})")


def _business_central(settings: Settings) -> str:
    target = BusinessCentral(settings)
    try:
        units = target.get("unitsOfMeasure?$top=1")
    finally:
        target.close()
    found = "has units of measure" if units else "has no units of measure"
    return f"company {settings.bc.company} answers ({found})"


def _business_central_reads(settings: Settings, entity_set: str) -> CheckResult:
    """Tries one call, because a permission set may allow some entity sets only. No field of a person is asked for."""
    target = BusinessCentral(settings)
    path = f"{entity_set}?$top=1&$select=id"
    try:
        target.get(path)
        _further_read(target, path)
    finally:
        target.close()
    return CheckResult("can be read")


def _further_read(target: BusinessCentral, path: str) -> None:
    """Tries a call with each application where there are several: one asks first, and the others may not be allowed."""
    users = target.settings.users
    for section, transport in zip(users, target.transport.transports, strict=True) if len(users) > 1 else ():
        try:
            transport.call("GET", f"{target.root}/{path}")
        except AuthenticationFailed as error:
            words = f"The application of `{section}`: {error.message}"
            raise AuthenticationFailed(words, error.hint, error.system) from None


def _companion_app(settings: Settings) -> CheckResult:
    """Which version of the companion app is there, and what it gives. Nothing needs it, so a gap is a warning."""
    app = app_client(settings)
    try:
        found = capabilities(app)
    finally:
        app.close()
    if found.state == "absent":
        return CheckResult(found.gaps[0])
    gives = [one.gives for one in entity_sets().values() if one.name in found.readable]
    version = f"version {found.version}" if found.version else "version unknown"
    return CheckResult(f"{version} gives {'; '.join(gives) or 'nothing'}", found.gaps)


def takes_orders(settings: Settings) -> bool:
    """Whether the companion app takes order requests, so that no field of them is in need of it."""
    target = BusinessCentral(settings)
    requests = OrderRequests(settings, target, "salesOrders")
    try:
        return requests.is_on
    except WinbcError:  # the checks of Business Central say so
        return False
    finally:
        requests.close()
        target.close()


def _tables(connected: ConnectedFlow) -> CheckResult:
    whose = "the shipped" if connected.settings.tables.own == SHIPPED_TABLES else "your"
    lost = (*not_carried(connected), *pictures_not_carried(connected))
    in_need = tuple(needs_app(connected))
    if in_need and takes_orders(connected.settings):
        in_need = ()
    warnings = (*in_need, *missing_rows(connected), *left_out(connected), *lost)
    tables = connected.checked()
    connected.check_lookups()
    return CheckResult(f"{whose} {len(tables)} tables{_shared(connected)}, and the values of staged records", warnings)


def _shared(connected: ConnectedFlow) -> str:
    """In words, how many files of a flow, with the lookup tables, are shared; nothing where none may be."""
    base, files = connected.settings.mapping_base, connected.table_files
    count = sum(connected.settings.tables.is_shared(table) for table in files)
    return f" ({count} of {len(files)} files from {base})" if base else ""


def _records(connected: ConnectedFlow) -> CheckResult:
    """Whether the settings allow what was staged and sent so far, and what people should know of it."""
    connected.flow.check(connected.settings)
    found = connected.flow.notes(connected.settings)
    return CheckResult(f"{len(found)} remarks on what was read", tuple(found))


def _gone(connected: ConnectedFlow) -> CheckResult:
    """Which records of the target the source no longer has, by what was read last."""
    if not connected.store.exists():
        return CheckResult("nothing was read yet")
    found = reported(connected)
    return CheckResult(f"{sum(count for count, _ in found.values())} to report", tuple(in_words(found)))


def _stock(connected: ConnectedFlow) -> CheckResult:
    """Whether the settings of stock fit together, and which SKUs and warehouses are left out."""
    connected.check_on()
    rules.rules(connected.settings)
    if not connected.store.exists():
        return CheckResult("nothing was read yet")
    unlisted, by_star = report.warehouses(connected)
    table, found = f"lookups/{rules.GROUPS}.csv", report.unsent(connected)
    warnings = [f"{table} has no row for warehouse {name}; its SKUs are not sent" for name in unlisted]
    warnings += [f"{table} counts these warehouses by its row *: {', '.join(by_star)}"] if by_star else []
    looked_at = f"{sum(count for count, _ in found.values())} SKUs are not sent"
    return CheckResult(looked_at, (*warnings, *report.in_words(found)))


def _ready(connected: ConnectedFlow) -> CheckResult:
    target = BusinessCentral(connected.settings)
    try:
        found = check_ready(connected, target)
        return replace(found, warnings=(*found.warnings, *missing_dimension_values(connected, target)))
    finally:
        target.close()
