"""Functions from the user's own Python file: typed, tried on load, run on whole columns of distinct values."""

import sys
from pathlib import Path

import pytest

from winbc_pipeline.errors import MappingError
from winbc_pipeline.mapping.custom import load_functions

from .conftest import Tables

DIGITS = '''
def digits(values: list[str | None]) -> list[str | None]:
    """Only the digits of a text.

    Example: digits('NL 12-3') = 123
    """
    calls.append(len(values))
    return [value and "".join(c for c in value if c.isdigit()) for value in values]

calls = []
'''


def write(folder: Path, text: str) -> Path:
    path = folder / "own.py"
    path.write_text(text)
    return path


def test_an_own_function_is_used_like_the_others(tables: Tables) -> None:
    path = write(tables.folder, DIGITS)
    rows = tables.run(["name,upper(digits(name)),,,,"], {"name": "a1"}, {"name": "b2"}, {"name": None}, functions=path)
    assert [row["creates"]["name"] for row in rows] == ["1", "2", ""]
    assert load_functions(path)["digits"].doc == "Only the digits of a text."


def test_it_gets_each_distinct_value_once_a_column_at_a_time(tables: Tables) -> None:
    path = write(tables.folder, DIGITS)
    tables.run(["name,digits(name),,,,"], *({"name": f"a{n % 3}"} for n in range(50)), functions=path)
    function = load_functions(path)["digits"].column
    assert function.__globals__["calls"] == [1, 3]  # type: ignore[union-attr]


def test_a_value_for_which_it_fails_fails_that_record_only(tables: Tables) -> None:
    text = DIGITS.replace("    calls.append", "    assert 'bad' not in values\n    calls.append")
    path = write(tables.folder, text)
    good, bad = tables.run(["name,digits(name),,,,"], {"name": "a1"}, {"name": "bad"}, functions=path)
    assert (good["errors"], bad["errors"][0]["rule"]) == ([], "cannot be read by digits")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (DIGITS.replace("= 123", "= 124"), "its example gives `123`, not `124`"),
        (DIGITS.replace("Example:", "For example"), "no line `Example: digits"),
        (DIGITS.replace("list[str | None])", "str)"), "is not a column"),
        (DIGITS.replace("digits(", "upper("), "there is a function of that name already"),
        (DIGITS.replace("digits(", "Digits("), "small letters and at least one value"),
        ('def none() -> list[str | None]:\n    """D.\n\n    Example: none() = a\n    """\n', "at least one value"),
        (DIGITS.replace("| None])", "| None] = ())"), "its value values could be left out"),
        (DIGITS.replace("digits(values", "digits(*values"), "its value values could be left out"),
        (DIGITS.replace("digits(values", "digits(*, values"), "its value values could be left out or given by name"),
        ("raise SystemExit(5)", "cannot be loaded (SystemExit"),
        ("1 / 0", "cannot be loaded (ZeroDivisionError"),
        ("def broken(", "cannot be loaded (SyntaxError"),
    ],
)
def test_a_file_that_does_not_do_what_it_says_is_refused_on_load(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(MappingError, match="own.py") as error:
        load_functions(write(tmp_path, text))
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("return values[1:]", "did not give"),
        ("return None", "did not give"),
        ("return [object() for _ in values]", "gave a value that is no text"),
        ("return [chr(0xD800) for _ in values]", "gave a value that is no text"),
    ],
)
def test_what_it_gives_wrong_is_told_without_a_value(tables: Tables, body: str, words: str) -> None:
    text = DIGITS.replace("    calls.append", f"    if 'a1' in values:\n        {body}\n    calls.append")
    path = write(tables.folder, text)
    with pytest.raises(MappingError, match="The function digits") as error:
        tables.run(["name,digits(name),,,,"], {"name": "a1"}, {"name": "a2"}, functions=path)
    assert words in str(error.value)
    assert "a1" not in str(error.value)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(MappingError, match="nowhere.py is missing"):
        load_functions(Path("nowhere.py"))


def test_it_may_use_pandas_also_where_a_command_has_hidden_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands hide it from DuckDB, which would load it for nothing; runs in Dagster have it."""
    monkeypatch.setitem(sys.modules, "pandas", None)
    (tmp_path / "pandas.py").write_text("", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    assert load_functions(write(tmp_path, "import pandas\n"))
