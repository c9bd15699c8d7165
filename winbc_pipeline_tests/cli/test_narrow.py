"""At 80 columns no word is cut, and a key goes on in the next line after one of its hyphens at most."""

import io
import re
import sys

import pytest
from rich.console import Console

from winbc_pipeline.cli.check import run_checks
from winbc_pipeline.cli.main import main
from winbc_pipeline.cli.output import add_row, say, table_of
from winbc_pipeline.errors import ConfigurationError
from winbc_pipeline.settings import Settings
from winbc_pipeline.workbench.checks import Check
from winbc_pipeline.workbench.readiness import CheckResult

from ..support.shops.product_shop import ProductShop
from ..support.shops.product_shop import product_shop as product_shop
from .test_cli import as_commands_see_it

FRAME = re.compile(r"[│┃─━┏┓┗┛┡┩┳╇┴└┘┴┼┬]+")
SKUS = [
    {"sku": f"FR-R92B-58-{color.upper()}", "color": color, "size": "58", "gtin": gtin}
    for color, gtin in (("anthracite", "0100537900016"), ("red", "0100537900023"))
]


def words(printed: str) -> list[str]:
    """The words that stand in what was printed."""
    return FRAME.sub(" ", printed).split()


def parts(whole: set[str]) -> set[str]:
    """Words, and what is between their hyphens: any run of it may stand in a line."""
    found = set(whole)
    for word in whole:
        pieces = re.split(r"(?<=\w-)(?=\w)", word)
        found |= {"".join(pieces[a:b]) for a in range(len(pieces)) for b in range(a + 1, len(pieces) + 1)}
    return found


def check_whole(narrow: str, wide: str) -> None:
    """Every word of a narrow print stands in the wide one, or is a part of one between hyphens, and none is missing.

    A row that becomes lines has a colon after the name of each column.
    """
    assert max(map(len, narrow.splitlines())) <= 80
    whole = set(words(wide))
    known = parts(whole)
    assert [word for word in words(narrow) if word not in known and word.removesuffix(":") not in known] == []
    there = "".join(words(narrow))
    lines = "".join(line.strip() for line in FRAME.sub(" ", narrow).splitlines())
    assert [word for word in whole if word not in there and word not in lines and not _in_pieces(word, narrow)] == []


def _in_pieces(word: str, narrow: str) -> bool:
    """Whether the parts of a word stand in following lines of a column."""
    found = set(words(narrow))
    return all(piece in "".join(found) for piece in re.split(r"(?<=\w-)(?=\w)", word))


@pytest.fixture
def shop(product_shop: ProductShop, monkeypatch: pytest.MonkeyPatch) -> ProductShop:
    """Two SKUs with long names, and commands that work on them."""
    as_commands_see_it(product_shop.settings, monkeypatch)
    names = {"model_name": "HL Road Frame for a bicycle that has a rather long name", "price": "1431.50"}
    product_shop.sells("680", *SKUS, category="Road Frames", **names)
    return product_shop


def printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[str, str]:
    """What a command prints at 80 columns and at 1,000; a question is answered with no."""
    monkeypatch.setattr(sys, "argv", ["winbc", *arguments])
    found = []
    for columns in ("80", "1000"):
        monkeypatch.setenv("COLUMNS", columns)
        monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
        with pytest.raises(SystemExit):
            main()
        found.append(capsys.readouterr().out)
    return found[0], found[1]


@pytest.mark.proof
def test_winbc_products(shop: ProductShop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    shop.run()
    narrow, wide = printed(monkeypatch, capsys, "products", "FR-R92B-58-RED")
    assert "generalProductPostingGroupCode" in words(narrow)
    check_whole(narrow.split("warning ")[0], wide.split("warning ")[0])


def test_winbc_approve(shop: ProductShop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("WINBC_GUARDS__ENABLED", "true")
    monkeypatch.setenv("WINBC_GUARDS__AT_LEAST", "1")
    printed(monkeypatch, capsys, "plan", "products_winstore_to_bc")
    narrow, wide = printed(monkeypatch, capsys, "approve", "products_winstore_to_bc")
    tables = [FRAME.split(text, maxsplit=1)[1].rpartition("of them are shown")[0] for text in (narrow, wide)]
    check_whole(*tables)


@pytest.mark.parametrize("fails", [False, True])
def test_what_winbc_check_found(monkeypatch: pytest.MonkeyPatch, fails: bool) -> None:
    """Its lines are no table: in a terminal they go on between words, and in a file they stay whole."""
    calls = "GetCustomer, GetArticle, GetArticlePicture, PostArticlePicture, PostOrderStatus, PostOrderWithStatusCode"

    def found() -> CheckResult:
        if fails:
            raise ConfigurationError(f"`orders.on_change`: {calls}", f"Set it in {'folder/' * 20}winbc.toml.")
        return CheckResult(f"read one record of each of these: {calls}", (f"calls that are assumed: {calls}",))

    monkeypatch.setattr("winbc_pipeline.cli.check.checks", lambda _: [Check("Winstore", found)])
    monkeypatch.setattr("winbc_pipeline.cli.check._definitions", lambda _: CheckResult("of 8 flows, 8 start"))
    consoles = [Console(file=io.StringIO(), width=width, force_terminal=True, no_color=True) for width in (80, 5000)]
    for console in consoles:
        run_checks(console, Settings())
    narrow, wide = (console.file.getvalue() for console in consoles)  # type: ignore[attr-defined]
    assert words(narrow) == words(wide)
    assert [line for line in narrow.splitlines() if len(line) > 80 and " " in line.strip()] == []


@pytest.mark.parametrize("width", [80, 40])
def test_a_table_of_odd_words(width: int) -> None:
    console = Console(file=io.StringIO(), width=width)
    table = table_of("record", "part", "what: old -> new", title="A plan")
    key = "FR-R92B-58-ANTHRACITE-WITH-A-LONG-NAME-THAT-GOES-ON"
    add_row(table, key, "item", ["unitPrice: 1 -> -5", "generalProductPostingGroupCode: (none) -> RETAIL"])
    add_row(table, "自転車", "category", None)
    console.print(table)
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    there = set(words(printed))
    assert {"->", "-5", "generalProductPostingGroupCode", "(none)", "自転車"} <= {
        each.removesuffix(":") for each in there
    }
    assert "".join(word for word in words(printed) if word in parts({key})) == key


def test_a_word_that_is_wider_than_the_terminal_stays_whole_in_a_line() -> None:
    console = Console(file=io.StringIO(), width=20, force_terminal=True, no_color=True)
    path = "/a/path/that/is/longer/than/the/terminal.csv"
    say(console, "edit: ", (path, "red"))
    assert path in console.file.getvalue()  # type: ignore[attr-defined]
