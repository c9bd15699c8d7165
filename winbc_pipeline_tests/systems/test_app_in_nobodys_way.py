"""A user of Business Central without a permission set of the app can post, and open every page that the app extends.

What AL runs for him, and what it shows him, has inherent permissions (DOCS devenv-inherent-permissions.md). This reads
the source only: no AL runs here.
"""

import re
from pathlib import Path

import pytest

from ..conftest import REPOSITORY

SOURCE = REPOSITORY / "bc-extension/app/src"
TEXTS = {path: path.read_text(encoding="utf-8") for path in sorted(SOURCE.rglob("*.al"))}
RUN_FOR_EVERYBODY = [path for path, text in TEXTS.items() if "[EventSubscriber(" in text]
EXTENDED = [text for text in TEXTS.values() if text.startswith("pageextension ")]
PARTS = {name for text in EXTENDED for name in re.findall(r'^\s+part\(\w+; "(.+)"\)', text, re.MULTILINE)}
WRITES = re.compile(r"(\w+)\.(Insert|Modify|ModifyAll|Delete|DeleteAll)\(")


def named(path: Path) -> str:
    return path.name


def object_named(kind: str, name: str) -> str:
    """The source of the object of the app with a name; nothing where it is one of Microsoft's."""
    return next(
        (text for text in TEXTS.values() if re.search(rf'^{kind} \d+ "{re.escape(name)}"', text, re.MULTILINE)), ""
    )


def rights(text: str) -> tuple[str, str]:
    """The inherent entitlements and permissions of an object."""
    found = (
        re.search(rf"^    Inherent{what} = (\w+);", text, re.MULTILINE) for what in ("Entitlements", "Permissions")
    )
    first, second = (each.group(1) if each else "" for each in found)
    return first, second


@pytest.mark.parametrize("path", RUN_FOR_EVERYBODY, ids=named)
def test_what_runs_in_everybodys_transactions_may_be_run_by_everybody(path: Path) -> None:
    assert rights(TEXTS[path]) == ("X", "X")


@pytest.mark.parametrize("path", RUN_FOR_EVERYBODY, ids=named)
def test_a_table_of_the_app_that_is_written_there_may_be_written_there(path: Path) -> None:
    text = TEXTS[path]
    tables = dict(re.findall(r'(\w+): Record "(WINS .+?)"', text))
    written = {tables[variable] for variable, _ in WRITES.findall(text) if variable in tables}
    given = set(re.findall(r'\[InherentPermissions\(PermissionObjectType::TableData, Database::"(.+?)"', text))
    assert written <= given


@pytest.mark.parametrize("name", sorted(PARTS))
def test_what_pages_of_microsoft_show_of_the_app_may_be_opened_and_read_by_everybody(name: str) -> None:
    page = object_named("page", name)
    assert rights(page) == ("X", "X")
    (table,) = re.findall(r'SourceTable = "(.+)";', page)
    assert all("R" in right for right in rights(object_named("table", table)))


def test_there_is_something_to_look_at() -> None:
    assert len(RUN_FOR_EVERYBODY) >= 4
    assert {"WINS Sync State FactBox", "WINS Activities"} <= PARTS
