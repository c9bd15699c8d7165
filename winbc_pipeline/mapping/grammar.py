"""Parses the text of a formula into a tree, and refuses a text that is not a formula.

Here belongs: limits, spreadsheets' quotation marks, the parser. What the parts of the tree mean: formulas.py.
"""

import difflib
from collections.abc import Iterable, Sequence

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from ..errors import MappingError

LONGEST, DEEPEST = 4000, 40  # characters; brackets inside each other
PREFIX = "winbc_fn_"
HELP = "See `winbc mapping functions` and docs/mapping.md."


def parsed(text: str, functions: Iterable[str], place: str) -> exp.Expr:
    """The tree of a formula. A call of a function is an `Anonymous` node whose name is PREFIX + the function's name.

    Args:
        functions: names of the functions that may be called.
        place: file, row and column, for errors.
    Raises: MappingError for a text that is not a formula, and for a function that is not known.
    """
    if len(text) > LONGEST or _depth(text) > DEEPEST:
        raise MappingError(f"{place}: the formula has {len(text):,} characters or too many brackets.", "Split it up.")
    if text.startswith("="):
        raise MappingError(f"{place}: a formula begins without `=` here.", HELP)
    for mark in set("‘’“”„`´") & set(text):
        raise MappingError(f"{place}: `{mark}` is no quotation mark here.", "Texts stand in straight quotes: 'text'.")
    try:
        tokens = sqlglot.tokenize(text, read="duckdb")
    except SqlglotError:
        raise no_formula(text, place, "a quotation mark is not closed", "Texts stand in quotes: 'text'.") from None
    _check_marks(text, tokens, place)
    try:
        tree = sqlglot.parse_one(_renamed(text, tokens, list(functions), place), dialect="duckdb")
    except (SqlglotError, RecursionError):
        raise no_formula(text, place, *_decimal_comma(tokens)) from None
    return tree


def shown(node: exp.Expr) -> str:
    """A part of a formula as people write it."""
    return node.sql(dialect="duckdb", normalize_functions=False).replace(PREFIX, "")


def no_formula(text: str, place: str, why: str = "", hint: str = HELP) -> MappingError:
    """The error for a text that is not a formula."""
    return MappingError(f"{place}: `{text[:80]}` is not a formula{': ' if why else ''}{why}.", hint)


def similar(name: str, known: Iterable[str]) -> str:
    """A hint that names the known name nearest to one that is misspelt, or says where to look."""
    written = {each.lower(): each for each in known}
    close = difflib.get_close_matches(name.lower(), list(written), 1)
    return f"Did you mean {written[close[0]]}?" if close else HELP


def _check_marks(text: str, tokens: Sequence[Token], place: str) -> None:
    """Refuses comments, and marks that formulas of other programs have."""
    if not tokens or any(token.comments for token in tokens):
        raise no_formula(text, place)
    kinds = [token.token_type for token in tokens]
    if TokenType.SEMICOLON in kinds:
        raise no_formula(text, place, "a semicolon stands in it", "Commas separate values: if(a = 1, b, c).")
    if TokenType.MOD in kinds:
        raise no_formula(text, place, "a percent sign stands in it", "21% is the number 0.21; see also add_vat.")
    opened, closed = kinds.count(TokenType.L_PAREN), kinds.count(TokenType.R_PAREN)
    if opened != closed:
        why = "a bracket is not closed" if opened > closed else "a bracket is closed that was not opened"
        raise no_formula(text, place, why, f"It has {opened} `(` and {closed} `)`.")


def _decimal_comma(tokens: Sequence[Token]) -> tuple[str, str] | tuple[()]:
    """The reason and the hint when the formula has a number with a decimal comma, such as `12,5`; else nothing."""
    for whole, comma, decimals in zip(tokens, tokens[1:], tokens[2:], strict=False):
        numbers = whole.token_type == decimals.token_type == TokenType.NUMBER
        without_blanks = decimals.start - whole.end == 2
        if numbers and comma.token_type == TokenType.COMMA and without_blanks:
            right = f"{whole.text}.{decimals.text}"
            return f"`{whole.text},{decimals.text}` is not a number", f"Decimals follow a point: {right}."
    return ()


def _renamed(text: str, tokens: Sequence[Token], functions: list[str], place: str) -> str:
    """The text with PREFIX before the names of functions, so that the parser gives them no meaning of its own."""
    pieces, at = [], 0
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        if following is None or following.token_type != TokenType.L_PAREN:
            continue
        if token.text.lower() in functions:
            pieces += [text[at : token.start], PREFIX]
            at = token.start
        elif token.token_type == TokenType.VAR:
            hint = similar(token.text, functions)
            raise MappingError(f"{place}: the function {token.text[:40]} is not known.", hint)
    return "".join([*pieces, text[at:]])


def _depth(text: str) -> int:
    depth = deepest = 0
    for character in text:
        depth += (character == "(") - (character == ")")
        deepest = max(deepest, depth)
    return deepest
