"""Reason codes, both ways: each that the program gives is explained, and each that is explained is given."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import winbc_pipeline
from winbc_pipeline import errors
from winbc_pipeline.flows import FLOWS
from winbc_pipeline.settings import Settings
from winbc_pipeline.sync.outcomes import BY_CODE, BY_TABLE, REASONS

from ..support.sandboxes import REPOSITORY

PACKAGE = Path(winbc_pipeline.__file__).parent
MODULES = sorted(path for folder in ("sync", "flows", "workbench") for path in (PACKAGE / folder).rglob("*.py"))
MAKERS = {"Choice": 1, "Decision": 1, "Debtor": 2}  # which argument is the reason


def constants(node: ast.AST | None) -> Iterator[str]:
    """The texts that an expression may come to."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from constants(node.body)
        yield from constants(node.orelse)
    elif isinstance(node, ast.BoolOp):
        for value in node.values:
            yield from constants(value)


def given() -> set[str]:
    """Reasons that modules give: to what makes a decision, and to what moves a record."""
    found = {*BY_CODE.values(), *BY_TABLE.values()}
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MAKERS:
                place = MAKERS[node.func.id]
                named = next((each.value for each in node.keywords if each.arg == "reason"), None)
                found.update(constants(node.args[place] if len(node.args) > place else named))
            elif isinstance(node, ast.Dict):
                for key, value in zip(node.keys, node.values, strict=True):
                    if isinstance(key, ast.Constant) and key.value == "reason":
                        found.update(constants(value))
    return (found | skipped()) - {"VARCHAR"}  # the column's type


def skipped() -> set[str]:
    """Reasons that flows give to what they leave out: pairs of a condition in SQL and a reason, or a column of it."""
    found = set()
    for path in (PACKAGE / "flows").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Tuple) and len(node.elts) == 2:
                found.update(word for word in constants(node.elts[1]) if word.isupper())
    return found


def test_every_reason_of_the_flows_is_among_those_that_the_search_finds() -> None:
    """As the flows are when they run: a reason that is put together in another way would be missed."""
    unpaid = {"payment_rules": {"cash": "never", "ideal": "when_paid"}, "give_up_after_days": 1, "statuses": ["paid"]}
    chosen = Settings(orders=unpaid | {"document": "invoice_when_completed"})
    conditions = [pair for flow in FLOWS for part in flow.parts for pair in part.skip]
    conditions += [pair for flow in FLOWS if flow.document for pair in flow.document.skips(chosen)]
    reasons = {reason for _, reason in conditions}
    assert {"ORIGIN", "STATUS", "GIVEN_UP", "NOT_COMPLETED", "NO_SKU"} <= reasons
    assert reasons <= skipped()


def written() -> set[str]:
    """Every text in the modules but the explanations themselves."""
    found = set(BY_CODE.values())
    for path in MODULES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        explained = {
            id(key)
            for node in ast.walk(tree)
            if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") == "REASONS"
            for key in getattr(node.value, "keys", ())
        }
        found.update(
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in explained
        )
    return found


def documented() -> dict[str, list[str]]:
    """Cells of docs/errors.md by reason code."""
    rows = (line.strip("| ").split(" | ") for line in (REPOSITORY / "docs" / "errors.md").read_text().splitlines())
    return {cells[0]: cells[1:] for cells in rows if cells[0].isupper() and not cells[0].startswith("E-")}


def test_the_search_finds_reasons() -> None:
    assert {"EXISTS", "MAPPING", "NO_ANSWER", "NO_CUSTOMER", "QUARANTINE", "TOO_LONG"} <= given()


def test_every_reason_that_is_given_is_explained() -> None:
    assert given() - set(REASONS) == set()


def test_every_reason_that_is_explained_is_given() -> None:
    assert set(REASONS) - written() == set()


def test_every_reason_has_a_cause_and_a_fix_for_people_and_no_other_has() -> None:
    pages = documented()
    assert set(pages) == set(REASONS)
    assert [code for code, cells in pages.items() if len(cells) != 2 or min(map(len, cells)) < len("Nothing.")] == []


LISTS = (Path(__file__).name, "test_documented.py")  # tests that look at all codes at once


def test_every_reason_and_every_error_is_named_by_a_test_that_brings_it_about() -> None:
    """Row 113 of the catalogue: complete both ways."""
    tests = (REPOSITORY / "winbc_pipeline_tests").rglob("*.py")
    text = "\n".join(path.read_text("utf-8") for path in tests if path.name not in LISTS)
    words = set(re.findall(r"\w+", text))
    assert set(REASONS) - words == set()
    own = [each for each in vars(errors).values() if isinstance(each, type) and "code" in vars(each)]
    assert errors.NotDone in own
    assert [each.__name__ for each in own if each.__name__ not in words and each.code not in text] == []
