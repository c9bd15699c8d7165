"""From the text of a formula to its tree: what is no formula at all ends here.

Here belongs: limits, spreadsheets' quotation marks, the parser. What the parts of the tree mean: formulas.py.
"""

import difflib
from collections.abc import Iterable

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import TokenType

from ..errors import MappingError

LONGEST, DEEPEST = 4000, 40
PREFIX = "winbc_fn_"
HELP = "See `winbc mapping functions` and docs/mapping.md."


def parsed(text: str, functions: Iterable[str], place: str) -> exp.Expr:
    """The tree of a formula, its calls of functions being `Anonymous` nodes named PREFIX + name.

    Raises: MappingError for what is no formula and for unknown functions.
    """
    if len(text) > LONGEST or _depth(text) > DEEPEST:
        raise MappingError(f"{place}: the formula has {len(text):,} characters or too many brackets.", "Split it up.")
    if text.startswith("="):
        raise MappingError(f"{place}: a formula begins without `=` here.", HELP)
    for mark in set("‘’“”„`´") & set(text):
        raise MappingError(f"{place}: `{mark}` is no quotation mark here.", "Texts stand in straight quotes: 'text'.")
    try:
        tree = sqlglot.parse_one(_renamed(text, list(functions), place), dialect="duckdb")
    except (SqlglotError, RecursionError):
        raise no_formula(text, place) from None
    return tree


def shown(node: exp.Expr) -> str:
    """A part of a formula as people write it."""
    return node.sql(dialect="duckdb", normalize_functions=False).replace(PREFIX, "")


def no_formula(text: str, place: str) -> MappingError:
    return MappingError(f"{place}: `{text[:80]}` is not a formula.", HELP)


def similar(name: str, known: Iterable[str]) -> str:
    """A hint for a slip of the pen."""
    close = difflib.get_close_matches(name.lower(), list(known), 1)
    return f"Did you mean {close[0]}?" if close else HELP


def _renamed(text: str, functions: list[str], place: str) -> str:
    """The text with its functions' names marked, so that the parser gives none of them a meaning of its own."""
    tokens = sqlglot.tokenize(text, read="duckdb")
    if not tokens:
        raise no_formula(text, place)
    pieces, at = [], 0
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        if token.comments or token.token_type == TokenType.SEMICOLON:
            raise no_formula(text, place)
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
