"""An edited table before it is saved: what the validator, the tests and the next plan would say of it.

Here belongs: a copy of the mapping folder with the edit in it, and what is wrong where. Saving: saving.py.
"""

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ...errors import MappingError, WinbcError
from ...flows import FLOWS
from ...mapping.cases import read_lookup_cases
from ...mapping.shipped import shape_of
from ...mapping.tables import LOOKUPS, RULES, TESTS, read_lookup
from ...settings import Settings
from ...sync.connected import ConnectedFlow, forget_compiled
from ...sync.flow import Flow
from ...sync.stock import rules
from ..preview import FieldView, RecordView, preview
from .sheet import sheet_of
from .table_tests import Finding, run_lookup_tests, run_tests
from .target_codes import Lacking, lacking_now

ADD_CODE = "Add it there, or correct it here: until then, records with it fail (RELATION_MISSING)."
MOST = 30  # mistakes of a table that are named
PLACE = re.compile(r"(?P<path>[^:]*?), row (?P<row>\d+)(?:, column (?P<column>[\w.-]+))?: (?P<words>.*)", re.DOTALL)


@dataclass(frozen=True)
class Problem:
    """What is wrong in an edited table.

    Attributes:
        row: number of its row; 0 where the mistake is in no row of this table.
        column: of the cell; empty for a whole row.
        words: the validator's own, without the place.
        hint: what to do.
    """

    row: int
    column: str
    words: str
    hint: str = ""


@dataclass(frozen=True)
class Draft:
    """A table's edited content.

    Attributes:
        table: its path in the mapping folder, such as `products_winstore_to_bc/item.csv`.
    """

    settings: Settings
    table: Path
    content: bytes

    @property
    def flows(self) -> tuple[Flow, ...]:
        """The flows that map with the table."""
        return flows_of_table(self.settings, self.table)

    @contextmanager
    def tried(self) -> Iterator[Settings]:
        """The settings with a mapping folder that has the edit, until the block ends."""
        with TemporaryDirectory(prefix="draft-") as name:
            folder, real = Path(name) / "mapping", self.settings.tables
            real.check()
            files: dict[Path, Path] = {}
            for each in {LOOKUPS, str(self.table.parent), *(flow.id for flow in self.flows)}:
                files |= real.of(each)
                (folder / each).mkdir(parents=True)
            for table, path in files.items():
                shutil.copyfile(path, folder / table)
            (folder / self.table).write_bytes(self.content)
            try:
                yield self.settings.model_copy(update={"mapping_folder": folder, "mapping_base": None})
            except MappingError as error:
                raise self._in_place(error, folder, files) from None
            finally:
                forget_compiled(folder)

    def _in_place(self, error: MappingError, folder: Path, files: Mapping[Path, Path]) -> MappingError:
        """An error with the names of the tables' files in the places of the copies'."""
        names = {str(folder / table): str(path) for table, path in files.items()}
        names[str(folder)] = str(self.settings.tables.own)  # at last: the others begin with it
        message, hint = error.message, error.hint
        for copy, real in names.items():
            message, hint = message.replace(copy, real), hint.replace(copy, real)
        return MappingError(message, hint)


def flows_of_table(settings: Settings, table: Path) -> tuple[Flow, ...]:
    """The flows that map with a table: the one whose folder it is in, or all whose tables name the lookup table."""
    if table.parent.name != LOOKUPS:
        return tuple(flow for flow in FLOWS if flow.id == table.parent.name)
    if table.name in (TESTS, RULES):
        return ()
    named = re.compile(rf"lookup\(\s*'{re.escape(table.stem)}'")
    return tuple(flow for flow in FLOWS if any(map(named.search, _texts(settings, flow))))


def _texts(settings: Settings, flow: Flow) -> Iterator[str]:
    for path in settings.tables.of(flow.id).values():
        yield path.read_bytes().decode("utf-8", "replace").replace("\0", "")


def problems(draft: Draft) -> list[Problem]:
    """What the validator says of an edited table, cell by cell; nothing when all is right.

    The validator stops at the first mistake. A row with one is left out and the rest is looked at again.
    """
    found: list[Problem] = []
    content = draft.content
    while len(found) < MOST:
        problem = _first_problem(replace(draft, content=content))
        if problem is None or (found and not problem.row):
            break  # what is wrong only without the rows that were left out, is not wrong
        found.append(problem)
        if problem.row not in {row.number for row in sheet_of(draft.table, content).rows}:
            break  # it is in the header, or in no row
        content = _without(draft.table, content, problem.row)
    return sorted(found, key=lambda each: each.row)


def unknown_codes(draft: Draft, now: datetime) -> list[Problem]:
    """The codes of an edited table that Business Central does not have, cell by cell; nothing while it does not answer.

    They hinder nobody from saving: somebody may add the code there.
    Raises: MappingError for a table with mistakes.
    """
    found: dict[tuple[int, str], Problem] = {}
    with draft.tried() as settings:
        for flow in (each for each in draft.flows if each.target == "bc" and each.is_on(settings)):
            for each in lacking_now(settings, ConnectedFlow(flow, settings).compiled().values(), now):
                for problem in _of_codes(draft, flow, each):
                    found.setdefault((problem.row, problem.column), problem)
    return sorted(found.values(), key=lambda each: each.row)


def _of_codes(draft: Draft, flow: Flow, lacking: Lacking) -> Iterator[Problem]:
    """The cells of the edited table that give these codes."""
    line = lacking.row.line
    for code in lacking.codes:
        words = f"Business Central has no {code} in {lacking.entity_set} ({line.target_field})."
        if lacking.place == draft.table.as_posix():
            sheet = sheet_of(draft.table, draft.content)
            rows = [row.number for row in sheet.rows if sheet.values(row).get("target_value", "").strip() == code]
            yield from (Problem(row, "target_value", words, ADD_CODE) for row in rows)
        elif draft.table == Path(flow.id) / line.table and lacking.place.startswith("column "):
            yield Problem(line.row, lacking.place.removeprefix("column "), words, ADD_CODE)


def _first_problem(draft: Draft) -> Problem | None:
    try:
        with draft.tried() as settings:
            check(settings, draft.table, draft.flows)
    except WinbcError as error:
        return problem_of(error, draft.table)
    return None


def check(settings: Settings, table: Path, flows: Sequence[Flow]) -> None:
    """Raises MappingError for the first mistake of a table, or of what maps with it."""
    path = settings.tables.path(table)
    if table == Path(LOOKUPS) / TESTS:
        read_lookup_cases(path)
    elif table == Path(LOOKUPS) / RULES:
        rules.rules(settings)
    elif table.parent.name == LOOKUPS:
        read_lookup(path)
    for flow in flows:
        connected = ConnectedFlow(flow, settings)
        if table.name == TESTS:
            list(run_tests(connected))
        else:
            connected.checked()
            connected.check_lookups()


def problem_of(error: WinbcError, table: Path) -> Problem:
    """An error of the validator as a mistake in a table. One that is about another file names that in its words."""
    found = PLACE.fullmatch(error.message)
    if found and Path(found["path"]).parts[-2:] == table.parts[-2:]:
        column = found["column"] or ""
        known = column if column in shape_of(table).columns else ""
        return Problem(int(found["row"]), known, found["words"], error.hint)
    return Problem(0, "", error.message, error.hint)


def _without(table: Path, content: bytes, row: int) -> bytes:
    """The content with an empty line in the place of a row, so that all others keep their numbers."""
    sheet = sheet_of(table, content)
    kept = (replace(each, cells=("",)) if each.number == row else each for each in sheet.rows)
    return replace(sheet, rows=tuple(kept)).content


def results_of(draft: Draft) -> list[tuple[str, Finding]]:
    """What the tests beside an edited table say of it: the name of their folder, and each test's result.

    Raises: MappingError for tables or tests that are wrong.
    """
    with draft.tried() as settings:
        found = [(flow.id, finding) for flow in draft.flows for finding in run_tests(ConnectedFlow(flow, settings))]
        if draft.table.parent.name == LOOKUPS:
            found += [(LOOKUPS, finding) for finding in run_lookup_tests(settings)]
    return found


@dataclass(frozen=True)
class Seen:
    """One field of a record, as the present tables make it and as the edited ones would.

    Attributes:
        sources: the source fields that the edited formula reads, with their values.
        live: what the target has now.
    """

    field: str
    sources: dict[str, str | None]
    before: Any
    after: Any
    live: Any
    is_changed: bool


@dataclass(frozen=True)
class Compared:
    """One record under the present tables and under the edited ones.

    Attributes:
        fields: its fields, those that differ first.
        errors: the rules that it would break; request: what the next plan would do with it.
    """

    part: str
    key: str
    fields: tuple[Seen, ...]
    errors: tuple[dict[str, Any], ...]
    request: str

    @property
    def changes(self) -> tuple[Seen, ...]:
        """The fields that the edit changes."""
        return tuple(each for each in self.fields if each.is_changed)

    @property
    def same(self) -> tuple[Seen, ...]:
        """The fields that stay as they are."""
        return tuple(each for each in self.fields if not each.is_changed)


def compared(draft: Draft, flow: Flow, key: str | None, sample: int, wait_s: float | None = None) -> list[Compared]:
    """Staged records under the present tables and under the edited ones, compared with the live target.

    Those that the edit changes come first.

    Args:
        key: the source's key of one record; None for the first `sample` of each part.
        wait_s: as of ConnectedFlow.

    Raises: MappingError for tables that are wrong; StoreBusy; WinbcError when the target does not answer.
    """
    now = {
        (view.part.name, view.key): view
        for view in _views(ConnectedFlow(flow, draft.settings, wait_s=wait_s), key, sample)
    }
    with draft.tried() as settings:
        then = preview(ConnectedFlow(flow, settings, wait_s=wait_s), key, sample)
    found = [_compared(now.get((view.part.name, view.key)), view) for view in then]
    return sorted(found, key=lambda record: not record.changes)


def _views(connected: ConnectedFlow, key: str | None, sample: int) -> list[RecordView]:
    """The records under the present tables; none when those are broken, which the edit may be about to mend."""
    try:
        return preview(connected, key, sample)
    except MappingError:
        return []


def _compared(now: RecordView | None, then: RecordView) -> Compared:
    before = {each.target.line.target_field: each for each in now.fields} if now else {}
    after = {each.target.line.target_field: each for each in then.fields}
    fields = []
    for name in {**after, **before}:
        old, new = _value(before, name), _value(after, name)
        sources = dict(_sources(before.get(name), after.get(name)))
        fields.append(Seen(name, sources, old, new, then.live.get(name), is_changed=old != new))
    fields.sort(key=lambda each: not each.is_changed)
    return Compared(then.part.name, then.key, tuple(fields), tuple(map(dict, then.errors)), then.request)


def _sources(before: FieldView | None, after: FieldView | None) -> Iterator[tuple[str, str | None]]:
    for each in (before, after):
        yield from each.sources.items() if each else ()


def _value(fields: dict[str, FieldView], name: str) -> Any:
    return fields[name].value if name in fields else None
