"""What the program says in English, on pages of other languages. Source: docs/dashboard.md (Languages)."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import winbc_pipeline
from winbc_pipeline import errors
from winbc_pipeline.dashboard.words import LANGUAGES, words_of
from winbc_pipeline.dashboard.words.said import LONGEST, Said, said, texts_of
from winbc_pipeline.sync.outcomes import REASONS

ROOT = Path(winbc_pipeline.__file__).parent
OTHERS = [language for language in LANGUAGES if language != "en"]
KINDS = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)}
# What the buttons of pages lead to: all that these modules raise is said in the language of the page.
ASKED = (
    "dashboard/pages",
    "dashboard/switches.py",
    "workbench/desk",
    "workbench/approval.py",
    "workbench/intervention.py",
    "workbench/partners.py",
    "workbench/winstore_answers.py",
    "workbench/tables/saving.py",
    "settings/tables.py",
    # what the validator says of a table while somebody types
    *(f"mapping/{name}.py" for name in ("cells", "tables", "formulas", "grammar", "expressions", "calls")),
)
FILLED = "7"  # in the places of a text
PLACE = re.compile(rf"^{FILLED}(, row {FILLED})?(, column \w+)?: (?=.)")  # where a table is wrong


def _text(node: ast.expr) -> str:
    """The text of an expression, with something in its places; empty for what is none."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) or FILLED for part in node.values)
    return ""


def _raised(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and _raises(node.func):
            yield from (text for each in node.args if (text := _text(each)))


def _raises(function: ast.expr) -> bool:
    """Whether it makes an error: a class of ours, or `error` of a formula."""
    if isinstance(function, ast.Attribute):
        return ast.unparse(function) in ("self.error", "work.error")
    return isinstance(function, ast.Name) and function.id in KINDS


@cache
def _source() -> str:
    """The program, with the parts of each text put together that stand in several lines."""
    whole = "".join(path.read_text(encoding="utf-8") for path in ROOT.rglob("*.py") if "sandbox" not in path.parts)
    return re.sub(r"[\"']\s*\n\s*f?[\"']", "", whole)


@pytest.mark.parametrize("language", OTHERS)
def test_all_that_an_act_on_a_page_refuses_is_said_in_the_language_of_the_page(language: str) -> None:
    files = [
        path for name in ASKED for path in ([ROOT / name] if name.endswith(".py") else (ROOT / name).rglob("*.py"))
    ]
    raised = [text for path in files for text in _raised(path)]
    assert len(raised) > 20
    left = [text for text in raised if said(text, language) is None]  # type: ignore[arg-type]
    words = [text for text in (PLACE.sub("", text) for text in left) if text != FILLED]
    assert [text for text in words if said(text, language) is None] == []  # type: ignore[arg-type]


@pytest.mark.parametrize("language", OTHERS)
def test_every_error_code_has_its_meaning_in_each_language(language: str) -> None:
    codes = {kind.code for kind in vars(errors).values() if isinstance(kind, type) and hasattr(kind, "code")}
    assert codes - set(texts_of(language).codes) == set()  # type: ignore[arg-type]


@pytest.mark.parametrize("language", OTHERS)
def test_no_text_is_kept_that_the_program_does_not_say_any_more(language: str) -> None:
    for pattern, _ in texts_of(language).said:  # type: ignore[arg-type]
        parts = re.split(r"\(\?P<\w+>\.\*\?\)", pattern.pattern)
        longest = max((re.sub(r"\\(.)", r"\1", part) for part in parts), key=len)
        assert longest.strip(" .`;,()") in _source(), longest


def test_a_text_is_said_with_what_stands_in_its_places_and_in_its_parts() -> None:
    say = Said("nl")
    message = (
        "lines: not in lookup table tax_groups, given 77 (order.csv row 9); add a row for it to lookups/tax_groups.csv"
    )
    assert say(message) == (
        "lines: niet in opzoektabel tax_groups, gegeven 77 (order.csv row 9); "
        "voeg er een rij voor toe aan lookups/tax_groups.csv"
    )
    assert say("E-NOT-DONE: This version of the table is not kept.") == (
        "E-NOT-DONE: Deze versie van de tabel wordt niet bewaard."
    )
    assert say("The plan changed while you were looking; nothing was approved. Look at it again.") == (
        "Het plan is intussen gewijzigd; er is niets goedgekeurd. Bekijk het opnieuw."
    )


def test_a_message_of_several_broken_rules_is_said_rule_by_rule() -> None:
    assert Said("nl")(
        "line W9, lineType: not in lookup table types, given `duif` (shipping.csv row 2); add a row for it to "
        "lookups/types.csv; email: not an e-mail address, given a text of 13 characters (order.csv row 18)"
    ) == (
        "regel W9, lineType: niet in opzoektabel types, gegeven `duif` (shipping.csv row 2); voeg er een rij voor toe "
        "aan lookups/types.csv; email: geen e-mailadres, gegeven een tekst van 13 tekens (order.csv row 18)"
    )


@pytest.mark.parametrize("language", OTHERS)
def test_every_reason_has_its_cause_and_what_to_do_in_each_language(language: str) -> None:
    here, there = words_of("en"), words_of(language)  # type: ignore[arg-type]
    names = [f"reasons.{code}.{each}" for code in REASONS for each in ("cause", "fix")]
    assert [name for name in names if here.has(name) and not there.has(name)] == []
    assert [code for code in REASONS if not there.has(f"reasons.{code}.cause")] == []
    same = [name for name in names if there.has(name) and len(there(name)) > 12 and there(name) == here(name)]
    assert same == []


def test_what_a_system_answered_is_quoted_as_it_came_and_marked_as_english() -> None:
    assert Said("nl")("Internal_Error: <b>no</b> group") == (
        '<span lang="en">Internal_Error: &lt;b&gt;no&lt;/b&gt; group</span>'
    )
    told = Said("nl")("E-UNREACHABLE: Business Central does not answer (503).")
    assert told.startswith("E-UNREACHABLE: Een systeem antwoordt niet.")
    assert '<span lang="en">Business Central does not answer (503).</span>' in told
    assert Said("en")("E-UNREACHABLE: <x>") == "E-UNREACHABLE: &lt;x&gt;"


def test_a_text_that_is_made_to_take_long_takes_no_time() -> None:
    for sign in (": ", ", given ", "; ", "`", " ("):
        assert Said("nl")(sign * (LONGEST // len(sign))).startswith("<span")
    assert Said("nl")("The lines: " * 1000).startswith("<span")
