"""What the program says in English, such as errors and messages of records, in the language of a page.

Here belongs: finding the text. The texts: a file for each language but English. What a system has answered is quoted as
it came, and so is what the file does not have; both are marked as English.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources

from markupsafe import Markup, escape

from .. import Language

CODE = re.compile(r"(E-[A-Z-]+): (.+)", re.DOTALL)
INSIDE = "said"  # how the names of places begin that hold a text of the program
QUOTED = "quoted"  # and of those that hold what somebody else said, in any number of sentences
NARROW = {"n": r"[\d.,-]+", "flow": r"\S+", "said_rule": "[^:]*?"}  # a number, the id of a flow, a rule of a field
PLACE = re.compile(r"(\S+\.csv)(,? row \d+)?(, column \w+)?: (.+)", re.DOTALL)  # where a table is wrong, and how
RULES = re.compile(r"(?<=\)); (?!add a row)|(?<=\.csv); ")  # what stands between several broken rules of a record
BETWEEN = ("; ", ". ", "? ")  # what stands between several texts
MOST = 9  # texts behind one another that are looked at
LONGEST = 600  # characters; to look for places in a longer text may take long


@dataclass(frozen=True)
class Said:
    """Says texts of the program in the language of a page. What it gives is safe HTML."""

    language: Language

    def __call__(self, text: object) -> Markup:
        """A text in the language of the page; marked as English where there is none."""
        whole = str(text)
        if self.language == "en" or not whole:
            return escape(whole)
        coded = CODE.fullmatch(whole)
        code, rest = (coded[1], coded[2]) if coded else ("", whole)
        found = said(rest, self.language)
        if found is not None:
            return escape(f"{code}: {found}" if code else found)
        meaning = texts_of(self.language).codes.get(code, "")
        begin = Markup("{}: {} ").format(code, meaning) if meaning else Markup("")
        return begin + Markup('<span lang="en">{}</span>').format(rest if meaning else whole)

    def told(self, text: str) -> str:
        """The same as plain text, for what a script puts into a page."""
        return text if self.language == "en" else (said(text, self.language) or text)


@dataclass(frozen=True)
class Entry:
    """A text of the program.

    Attributes:
        fixed: its longest part between places; what does not have it is another text, which is seen at once.
        pattern: the English text, with its places.
        text: the same in the language.
        begins: the place that it begins with, if any.
        quotes: whether a place holds what somebody else said.
    """

    fixed: str
    pattern: re.Pattern[str]
    text: str
    begins: str
    quotes: bool


@dataclass(frozen=True)
class Texts:
    """The texts of a language.

    Attributes:
        codes: what each error code means.
        said: the English texts, the most exact ones first.
    """

    codes: Mapping[str, str]
    said: Sequence[Entry]


@cache
def texts_of(language: Language) -> Texts:
    """The texts of a language but English."""
    read = tomllib.loads(resources.files(__name__).joinpath(f"{language}.toml").read_text(encoding="utf-8"))
    exact_first = sorted(read["said"].items(), key=lambda pair: -len(re.sub(r"{\w+}", "", pair[0])))
    return Texts(read["codes"], [_entry(english, text) for english, text in exact_first])


def _entry(english: str, text: str) -> Entry:
    parts = re.split(r"{(\w+)}", english)
    begins = "" if parts[0] else parts[1]
    pattern = "".join(re.escape(part) if n % 2 == 0 else _place(part, begins) for n, part in enumerate(parts))
    quotes = any(name.startswith(QUOTED) for name in parts[1::2])
    return Entry(max(parts[::2], key=len), re.compile(pattern), text, begins, quotes)


def _place(name: str, begins: str) -> str:
    """What stands in a place: a part of one sentence, so that the next one is not taken for it."""
    if name in NARROW:
        return f"(?P<{name}>{NARROW[name]})"
    if name.startswith(QUOTED) or (name == begins and name.startswith(INSIDE)):
        return f"(?P<{name}>.*?)"
    ends = r"\. " if name.startswith(INSIDE) else r"\. |; "
    return f"(?P<{name}>(?:(?!{ends}).)*?)"


@lru_cache(maxsize=4096)
def said(text: str, language: Language) -> str | None:
    """A text of the program in a language; None where any part of it has none."""
    if len(rules := RULES.split(text)) > 1:
        told = [said(each, language) for each in rules]
        if all(told):
            return "; ".join(each for each in told if each)
    if len(text) > LONGEST:
        return None
    return (
        _filled(text, language, quotes=False)
        or _placed(text, language)
        or _in_two(text, language)
        or _filled(text, language, quotes=True)
    )


def _filled(text: str, language: Language, quotes: bool) -> str | None:
    """One text with its places."""
    for entry in texts_of(language).said:
        if entry.quotes == quotes and entry.fixed in text and (found := entry.pattern.fullmatch(text)):
            given = found.groupdict()
            inside = {name: said(value, language) for name, value in given.items() if name.startswith(INSIDE)}
            if all(value or not _several(given[name], name == entry.begins) for name, value in inside.items()):
                told = {name: value or given[name] for name, value in inside.items()}
                return entry.text.format(**given | told) if given else entry.text
    return None


def _several(text: str, begins: bool) -> bool:
    """Whether a text has parts, so that it has to be known whole; at the beginning it may be another text's, too."""
    return any(sign in text for sign in ((*BETWEEN, ": ") if begins else BETWEEN))


def _placed(text: str, language: Language) -> str | None:
    """What is wrong at a place of a table."""
    if not (placed := PLACE.fullmatch(text)) or not (words := said(placed[4], language)):
        return None
    row = said(placed[2], language) if placed[2] else ""
    column = said(placed[3], language) if placed[3] else ""
    return f"{placed[1]}{row}{column}: {words}"


def _in_two(text: str, language: Language) -> str | None:
    """Two texts, each of which may be several."""
    for sign in BETWEEN:
        parts = text.split(sign)
        for n in range(1, min(len(parts), MOST)):
            first, rest = sign.join(parts[:n]) + sign.strip("; "), sign.join(parts[n:])
            if (one := said(first, language)) and (other := said(rest, language)):
                return f"{one}{sign.strip('.? ')} {other}"
    return None
