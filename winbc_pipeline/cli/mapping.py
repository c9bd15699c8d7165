"""`winbc mapping …`: what a key user does with the tables. These commands never write to the target."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from .. import audit, clock
from ..errors import NotDone, WinbcError
from ..flows import FLOWS
from ..mapping.tables import LOOKUPS
from ..settings import KEPT, Settings, load_settings
from ..sync.connected import ConnectedFlow
from ..sync.flow import Flow
from ..sync.outcomes import broken_rule
from ..sync.part import Part
from .arguments import field_of, flow_of, flows_of
from .output import add_row, bar, say, table_of, warn

if TYPE_CHECKING:
    from ..workbench.preview import RecordView
    from ..workbench.shown import Shown

app = typer.Typer(help="The mapping tables: check, try, compare, reset. Nothing is written to the target.")
console = Console()
MOST_NAMED = 50  # records that a line names

ShowPeople = Annotated[bool, typer.Option("--show-people", help="Show values of persons too; that is noted")]
Running = Annotated[str, typer.Argument(help=f"One of: {', '.join(flow.id for flow in FLOWS)}")]
AnyFlow = Annotated[str | None, typer.Argument(help="One flow. All of them without it")]


def _chosen(name: str | None) -> Sequence[Flow]:
    """The flows with tables: all of them, both directions of a name, or the one with an id."""
    return FLOWS if name is None else flows_of(name)


@app.command()
def validate(flow: AnyFlow = None) -> None:
    """Checks each table against the fields of both systems, and its codes against those of Business Central.

    Names file, row, column and cell of each error. While Business Central does not answer, codes are not checked.
    """
    from ..workbench.readiness import needs_app

    settings = load_settings()
    wrong = False
    for each in _chosen(flow):
        try:
            connected = ConnectedFlow(each, settings)
            tables = connected.checked()
            connected.check_lookups()
            if unknown := _unknown_codes(connected):
                wrong = True
                say(console, ("problem ", "red"), f"{each.id}: {'; '.join(unknown)}")
            else:
                say(console, ("ok      ", "green"), f"{each.id}: {len(tables)} tables")
            warn(console, needs_app(connected))
            warn(console, connected.without_place())
        except WinbcError as error:
            wrong = True
            say(console, ("problem ", "red"), f"{each.id}: {error}")
    raise typer.Exit(2 if wrong else 0)


def _unknown_codes(connected: ConnectedFlow) -> list[str]:
    """In words, the codes that the tables of a flow give and Business Central does not have."""
    from ..workbench.tables.target_codes import lacking_now

    if connected.flow.target != "bc" or not connected.flow.is_on(connected.settings):
        return []
    return [each.words for each in lacking_now(connected.settings, connected.compiled().values(), clock.now())]


@app.command()
def preview(
    flow: Running,
    key: Annotated[str | None, typer.Option(help="Only the record with this key in the source")] = None,
    sample: Annotated[int, typer.Option(min=1, max=50, help="Number of records of each table")] = 3,
    show_people: ShowPeople = False,
) -> None:
    """Shows staged records under the present tables: source fields, steps, result, and the target's present value.

    Values of persons are masked without `--show-people`.
    """
    from ..workbench.preview import preview as views

    settings = load_settings()
    connected = ConnectedFlow(flow_of(flow, settings), settings)
    found = views(connected, key, sample)
    shown = _shown(connected, show_people, "preview", found)
    for view in found:
        owned = any(each.target.line.owner for each in view.fields)
        columns = ["field", "formula", "steps", "result", "target now", *(["owner"] if owned else [])]
        table = table_of(*columns, title=f"{view.part.name} {view.key}")
        for each in view.fields:
            line, part = each.target.line, view.part
            steps = [f"{name} = {shown.source(name, value)}" for name, value in each.sources.items()]
            steps += [f"{text} = {shown.made(part, line.target_field, each.sources, of)}" for text, of in each.steps]
            now = _if_there(shown, part, line.target_field, view.live.get(line.target_field))
            value = _if_there(shown, part, line.target_field, each.value)
            cells = [line.target_field, line.source, steps, value, now, line.owner]
            add_row(table, *cells[: len(columns)])
        console.print(table)
        _print_errors(view, view.errors)
        say(console, f"Request: {view.request}")
    _check_staged(found, connected, key)


@app.command()
def explain(
    flow: Running,
    key: Annotated[str, typer.Argument(help="The record's key in the source")],
    field: Annotated[str, typer.Argument(help="Field of the target")],
    show_people: ShowPeople = False,
) -> None:
    """Explains one value: source fields, formula and its CSV row, owner, value, request.

    Values of persons are masked without `--show-people`.
    """
    from ..workbench.preview import fields_filled
    from ..workbench.preview import preview as views

    settings = load_settings()
    connected = ConnectedFlow(flow_of(flow, settings), settings)
    chosen = connected.flow
    field = field_of(field, chosen, fields_filled(connected))
    staged = views(connected, key, 1)
    shown = _shown(connected, show_people, field, staged)
    _check_staged(staged, connected, key)
    found = [(view, each) for view in staged for each in view.fields if each.target.facts.name == field]
    if not found:
        say(console, f"{key} is staged, and no table that it goes through fills {field}.")
        raise typer.Exit(1)
    for view, each in found:
        line = each.target.line
        table = table_of("what", "value", title=f"{view.part.name} {view.key}, {field}")
        for name, value in each.sources.items():
            add_row(table, f"source field {name}", _if_there(shown, None, name, value))
        add_row(table, f"{chosen.id}/{line.table}, row {line.row}", line.source)
        for text, value in each.steps:
            add_row(table, text, None if value is None else shown.made(view.part, field, each.sources, value))
        add_row(table, f"when {line.when}, default", line.default)
        add_row(table, "owner when both systems differ", line.owner or "the flow's rule")
        add_row(table, "value", _if_there(shown, view.part, field, each.value))
        add_row(table, "target now", _if_there(shown, view.part, field, view.live.get(field)))
        body = view.decision.body
        sent = "not in it" if view.orphan or field not in body else _if_there(shown, view.part, field, body[field])
        add_row(table, f"request {view.request}", sent)
        console.print(table)
        _print_errors(view, (error for error in view.errors if error["field"] == field))


def _shown(connected: ConnectedFlow, people: bool, what: str, found: Sequence["RecordView"]) -> "Shown":
    """How values are shown. Showing those of persons is noted in the audit log."""
    from ..workbench.shown import Shown

    if people:
        audit.record(connected.settings, "show", f"{connected.flow.id}, {what}", {view.key for view in found})
    return Shown(connected, people)


def _if_there(shown: "Shown", part: Part | None, name: str, value: object) -> str | None:
    """A value of a field of the target, or without a part of the source; None for none."""
    if value is None:
        return None
    return shown.target(part, name, value) if part else shown.source(name, value)


def _print_errors(view: "RecordView", errors: Iterable[Mapping[str, object]]) -> None:
    """Prints broken rules; their rows are those of the part's own table where no other one is named."""
    lines = [each.target.line for each in view.fields]
    others = {line.target_field: line.table for line in lines if line.table != view.part.table}
    for error in errors:
        say(console, (broken_rule(error, others.get(str(error["field"]), "")), "red"))


def _check_staged(found: Sequence[object], connected: ConnectedFlow, key: str | None) -> None:
    """Raises UnknownRecord, or NotDone where nothing at all was read, when no record was found."""
    from ..workbench.unknown import is_known, unknown

    if found:
        return
    flow = connected.flow.id
    if key is None:
        raise NotDone(f"{flow} has read nothing yet.", f"`winbc plan {flow}` reads the source.")
    if is_known(connected, key):
        words = f"{flow} knows {key}, and no table makes a record of what was read of it last."
        raise NotDone(words, f"`winbc trace {key} --flow {flow}` shows what happened to it.")
    raise unknown([connected], key)


@app.command()
def impact(flow: Running) -> None:
    """Counts what the next plan would write under the present tables, over all staged records."""
    from ..workbench.impact import impact as run

    settings = load_settings()
    chosen = flow_of(flow, settings)
    with bar(console, f"Mapping {chosen.id}"):
        found = run(ConnectedFlow(chosen, settings))
    table = table_of("table", "same", "would change", "would be created", "skipped", "held", "would fail", "freed")
    for each in found:
        counts = (each.same, each.changed, each.created, each.skipped, each.held, each.broken, len(each.freed))
        add_row(table, each.part, *counts)
    console.print(table)
    for each in found:
        if each.freed:
            more = " …" if len(each.freed) > MOST_NAMED else ""
            say(console, (f"{each.part}: freed: {', '.join(each.freed[:MOST_NAMED])}{more}", "green"))
        for name, count in each.fields.most_common():
            say(console, f"{each.part}: {name} would change in {count} records")
        for rule, count in each.breaks.most_common():
            say(console, (f"{each.part}: {count} records would now fail: {rule}", "red"))
    console.print("Nothing was written.")


@app.command()
def edit(
    name: Annotated[str | None, typer.Argument(help="A flow; or a shared table, such as `lookups/units`")] = None,
) -> None:
    """Makes the mapping folder, a copy of all shipped tables, where there is none. Names the files of a flow.

    Where the mapping folder builds on a shared one: says where each table comes from; the name of a table gives the
    connection a copy of its own.
    """
    settings = load_settings()
    if settings.mapping_base:
        _edit_shared(settings, name)
    else:
        _edit_own(settings, _chosen(name))


def _edit_own(settings: Settings, chosen: Sequence[Flow]) -> None:
    from ..mapping.shipped import copy_to_edit

    folder = settings.mapping_folder
    if not folder.exists():
        audit.record(settings, "edit", "the mapping folder, made of the shipped tables")
    made = copy_to_edit(settings)
    words = "is a copy of all shipped tables, and serves from now on" if made else "is there already, and serves"
    say(console, f"{folder} {words}. `winbc mapping reset` puts shipped tables back into it.")
    for path in (path for each in chosen for path in settings.tables.of(each.id).values()):
        say(console, f"edit: {path}")
    say(console, f"edit: {folder / LOOKUPS}, the tables that translate single values")


def _edit_shared(settings: Settings, name: str | None) -> None:
    """Lists where each table comes from, or gives the connection its own copy of the one that is named."""
    from ..mapping.shipped import copy_shared, copy_to_edit

    copy_to_edit(settings)
    tables = settings.tables
    tables.check()
    if name and "/" in name:
        audit.record(settings, "edit", f"{name}, an own copy of the shared table")
        for table in copy_shared(tables, name):
            say(console, f"edit: {tables.own / table}, which serves this connection only")
        return
    folders = [*(each.id for each in _chosen(name)), LOOKUPS]
    for table, path in ((table, path) for folder in folders for table, path in tables.of(folder).items()):
        whose = "shared" if tables.is_shared(table) else "own   "
        say(console, f"{whose} {path}")
    say(console, "An edit of a shared file counts for all connections that have no table of their own in its place.")
    say(console, "`winbc mapping edit FOLDER/TABLE` gives this connection a copy of its own.")


@app.command()
def diff() -> None:
    """Compares your tables with the shipped ones, cell by cell; your own ones with the shared ones, too."""
    from ..mapping.shipped import differences, differences_from_base

    tables = load_settings().tables
    tables.check()
    table = table_of("table", "row", "column", "shipped", "yours", *(["whose"] if tables.base else []))
    for each in differences(tables):
        whose = ["shared" if tables.is_shared(each.table) else "own"] if tables.base else []
        add_row(table, each.table, each.row, each.column, each.shipped, each.yours, *whose)
    console.print(table if table.row_count else "All tables are as shipped.")
    if not tables.base:
        return
    own = table_of("table", "row", "column", "shared", "own", title="Own tables against the shared ones")
    for each in differences_from_base(tables):
        add_row(own, each.table, each.row, each.column, each.shipped, each.yours)
    console.print(own if own.row_count else "No own table differs from a shared one.")


@app.command()
def reset(
    name: Annotated[str | None, typer.Argument(help="A flow, `lookups`, or one table. All of them without it")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Without a name: do not ask")] = False,
) -> None:
    """Puts shipped tables and their tests back into the mapping folder. Your own are kept under `kept/<moment>`.

    Where a shared folder has the table, your own one goes away and the shared one serves again.
    """
    from ..mapping.shipped import reset as run
    from ..mapping.shipped import to_reset

    settings = load_settings()
    folder, tables = settings.mapping_folder, settings.tables
    if not folder.exists() and not tables.base:
        raise NotDone(f"There is no mapping folder {folder}.", "`winbc mapping edit` makes it from the shipped tables.")
    tables.check()
    edited = to_reset(tables, None) if name is None and not yes else []
    for path in edited:
        say(console, f"{'own' if tables.in_base(path) else 'not as shipped'}: {path}")
    if edited:
        standard = "shared or shipped" if tables.base else "shipped"
        typer.confirm(f"Put the {standard} ones in the place of all these?", abort=True)
    audit.record(settings, "edit", f"mapping tables, {name or 'all'} as {'shared or ' if tables.base else ''}shipped")
    changed = run(tables, name, clock.now())
    for path in changed:
        say(console, f"{'as shared' if tables.is_shared(path) else 'as shipped'}: {path}")
    kept = f"{len(changed)} tables put back; the replaced ones are under {folder / KEPT}."
    say(console, kept if changed else "All as shared." if tables.base else "All as shipped.")


@app.command()
def new_lookup(
    name: Annotated[str, typer.Argument(help="Name of the lookup table")],
    from_data: Annotated[str, typer.Option(help="Flow and field of the source, such as products.category")],
) -> None:
    """Makes a lookup table with the values that were seen in the source. You fill in the target values."""
    from ..workbench.tables.new_lookup import new_lookup as run

    flow, _, field = from_data.partition(".")
    settings = load_settings()
    audit.record(settings, "edit", f"lookup table {name}")
    made = run(ConnectedFlow(flow_of(flow, settings), settings), name, field)
    words = f"{made.rows} new rows. Put a value in the place of each `?`." if made.rows else "nothing new."
    say(console, f"{made.path}: {words}")
    for each in made.left_out:
        say(console, (each, "yellow"))


@app.command()
def functions() -> None:
    """Lists the functions that formulas may use, your own too, with an example of each."""
    from ..mapping.custom import load_functions

    table = table_of("group", "function", "what it gives", "example")
    for each in load_functions(load_settings().mapping_functions).values():
        example = f"{each.example} = {each.result}" if each.result else each.example
        add_row(table, each.group, f"{each.name}({', '.join(each.takes)})", each.doc, example)
    console.print(table)


@app.command()
def test(flow: AnyFlow = None) -> None:
    """Runs the tests in tests.csv: are the given records mapped as expected?"""
    from ..workbench.tables.table_tests import run_lookup_tests, run_tests

    settings = load_settings()
    runs = [(each.id, run_tests(ConnectedFlow(each, settings))) for each in _chosen(flow)]
    runs += [("lookups", run_lookup_tests(settings))] if flow is None else []
    passed = failed = 0
    for name, findings in runs:
        for finding in findings:
            if finding.left_out:
                fields = ", ".join(finding.left_out)
                say(console, f"{name}, {finding.test}: not run, because the profile does not read {fields}")
                continue
            passed += not finding.differences
            failed += bool(finding.differences)
            for difference in finding.differences:
                say(console, (f"{name}, {finding.test}: {difference}", "red"))
    console.print(f"{passed} passed, {failed} failed")
    raise typer.Exit(1 if failed else 0)
