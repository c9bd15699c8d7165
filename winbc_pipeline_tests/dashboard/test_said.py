"""What the program says in English, on pages of other languages. Source: docs/dashboard.md (Languages)."""

import ast
import re
import tomllib
from calendar import day_name
from functools import cache
from importlib import resources

import pytest

from winbc_pipeline import errors
from winbc_pipeline.dashboard.words import LANGUAGES, Language, words_of
from winbc_pipeline.dashboard.words import said as of_program
from winbc_pipeline.dashboard.words.said import LONGEST, Said, said, texts_of
from winbc_pipeline.sync.outcomes import REASONS

from ..support.said import FILLED, ROOT, parsed, texts

BUILT = {  # what the program puts together of names
    *day_name,
    "1 items: {said_there}",
    "account or item",
    "{table}.csv row {row}",
    "{part} {key}: sent",
    "version unknown gives {gives}",
    "{reference} in salesOrders, salesInvoices, salesShipments: {said_there}",
}
OTHERS: list[Language] = [language for language in LANGUAGES if language != "en"]
COMMANDS = ("cli", "setup", "sandbox")  # what only commands say, and these speak English
SPEAK = sorted(path.name for path in ROOT.iterdir() if path.name[0] not in "._" and path.name not in COMMANDS)
PLACE = re.compile(rf"^{FILLED}(, row {FILLED})?(, column \w+)?: (?=.)")  # where a table is wrong
ELSEWHERE = re.compile(rf"({FILLED}|[:;., ])*")  # nothing but places: the text is given by another module
NAMES = re.compile(r"\w+\.\w+|`[^`]*`|'[^']*'|\([^)]*…[^)]*\)")  # fields, settings, commands, examples
WORDS = re.compile(r"(?=\b([a-z]+ [a-z]+ [a-z]+)\b)")  # three words in a row
PLACES = re.compile(r"{(\w+)}")
COMMAND = re.compile(r"`winbc[^`]*`")


@cache
def _source() -> str:
    """The program, with the parts of each text put together that stand in several lines."""
    whole = "".join(path.read_text(encoding="utf-8") for path in ROOT.rglob("*.py") if "sandbox" not in path.parts)
    return re.sub(r"[\"']\s*\n\s*f?[\"']", "", whole)


def _texts(language: Language) -> dict[str, str]:
    """The English texts with their places, and each in a language."""
    read = tomllib.loads(resources.files(of_program).joinpath(f"{language}.toml").read_text(encoding="utf-8"))
    return dict(read["said"])


def _left_in_english(text: str, language: Language) -> bool:
    """Whether a text, or a part of it, is not said in a language."""
    found = said(text, language)
    words = [set(WORDS.findall(NAMES.sub("`", each))) for each in (text, found or "")]
    return found is None or not words[0].isdisjoint(words[1])


@pytest.mark.parametrize("language", OTHERS)
def test_all_that_the_program_says_on_pages_is_said_in_the_language_of_the_page(language: Language) -> None:
    """Every error that is raised, and the messages of records, problems and checks that are given where they arise."""
    given = {each.text: each.where for folder in SPEAK for each in texts(folder) if not ELSEWHERE.fullmatch(each.text)}
    assert len(given) > 400
    left = {where: text for text, where in given.items() if _left_in_english(text, language)}
    assert {where: text for where, text in left.items() if _left_in_english(PLACE.sub("", text), language)} == {}


@pytest.mark.parametrize("language", OTHERS)
def test_each_text_is_found_as_itself_and_keeps_what_stands_in_its_places(language: Language) -> None:
    """What stands in the name of a command may be left out: a page or a button does the same."""
    for english, there in _texts(language).items():
        filled = {name: "40" if name == "n" else f"q{at}" for at, name in enumerate(PLACES.findall(english))}
        assert said(english.format(**filled), language) == there.format(**filled)
        assert set(PLACES.findall(COMMAND.sub("", english))) <= set(PLACES.findall(there)), english


@pytest.mark.parametrize("language", OTHERS)
def test_no_error_of_business_central_is_taken_for_a_text_of_ours(language: Language) -> None:
    """The sandbox has the texts of Business Central's errors. They are quoted, and marked as English."""
    nodes = [node for path in ROOT.glob("sandbox/bc/rules/*.py") for node in ast.walk(parsed(path))]
    theirs = [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    sentences = [text for text in theirs if WORDS.search(text)]
    assert len(sentences) > 50
    assert [text for text in sentences if said(f"Internal_Error: {text}", language)] == []


@pytest.mark.parametrize("language", OTHERS)
def test_every_error_code_has_its_meaning_in_each_language(language: Language) -> None:
    codes = {kind.code for kind in vars(errors).values() if isinstance(kind, type) and hasattr(kind, "code")}
    assert codes - set(texts_of(language).codes) == set()


@pytest.mark.parametrize("language", OTHERS)
def test_no_text_is_kept_that_the_program_does_not_say_any_more(language: Language) -> None:
    for english in _texts(language).keys() - BUILT:
        parts = PLACES.split(english)[::2]
        words = WORDS.findall(english) or [max(parts, key=len).strip(" .`,():")]
        assert any(each in _source() for each in words), english


def test_a_text_is_said_with_what_stands_in_its_places_and_in_its_parts() -> None:
    say = Said("nl")
    message = (
        "lines: not in lookup table tax_groups, given 77 (order.csv row 9); add a row for it to lookups/tax_groups.csv"
    )
    assert say(message) == (
        "lines: niet in opzoektabel tax_groups, gegeven 77 (order.csv rij 9); "
        "voeg er een rij voor toe aan lookups/tax_groups.csv"
    )
    assert say("E-NOT-DONE: This version of the table is not kept.") == (
        "E-NOT-DONE: Deze versie van de tabel wordt niet bewaard."
    )
    assert say("The plan changed while you were looking; nothing was approved. Look at it again.") == (
        "Het plan is intussen gewijzigd; er is niets goedgekeurd. Bekijk het opnieuw."
    )


@pytest.mark.parametrize(
    ("english", "dutch"),
    [
        (
            "stock: the plan has 3 records to create, 4 to update (2 of them to zero); 9 are known. Look again.",
            "stock: het plan heeft 3 records om aan te maken, 4 om te wijzigen (waarvan 2 naar nul); 9 zijn bekend. "
            "Bekijk het opnieuw.",
        ),
        (
            "SKU A1: several items have this GTIN; SKU A2: no such item in Business Central",
            "SKU A1: meerdere artikelen hebben deze GTIN; SKU A2: dit artikel is er niet in Business Central",
        ),
        (
            "Business Central refuses a document for a new customer: Oops: No. No. Send the products first.",
            "Business Central weigert een document voor een nieuwe klant: Oops: No. No. Verstuur eerst de artikelen.",
        ),
        (
            "/m/order.csv, row 3, column source: the source has no field `fo`. Did you mean foo? Known are: foo.",
            "/m/order.csv, rij 3, kolom source: de bron heeft geen veld `fo`. Bedoelt u foo? Bekend zijn: foo.",
        ),
    ],
)
def test_what_is_put_together_of_several_texts_is_said_whole(english: str, dutch: str) -> None:
    assert said(english, "nl") == dutch


def test_a_message_of_several_broken_rules_is_said_rule_by_rule() -> None:
    assert Said("nl")(
        "line W9, lineType: not in lookup table types, given `duif` (shipping.csv row 2); add a row for it to "
        "lookups/types.csv; email: not an e-mail address, given a text of 13 characters (order.csv row 18)"
    ) == (
        "regel W9, lineType: niet in opzoektabel types, gegeven `duif` (shipping.csv rij 2); voeg er een rij voor toe "
        "aan lookups/types.csv; email: geen e-mailadres, gegeven een tekst van 13 tekens (order.csv rij 18)"
    )


@pytest.mark.parametrize("language", OTHERS)
def test_every_reason_has_its_cause_and_what_to_do_in_each_language(language: Language) -> None:
    here, there = words_of("en"), words_of(language)
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
