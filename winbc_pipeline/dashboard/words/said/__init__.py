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
PLACE = re.compile(r"(\S+\.csv(?: row \d+)?(?:, column \w+)?): (.+)", re.DOTALL)  # where a table is wrong, and how
RULES = re.compile(r"(?<=\)); (?!add a row)|(?<=\.csv); ")  # what stands between several broken rules of a record
BETWEEN = ("; ", ". ")  # what stands between several texts
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
class Texts:
    """The texts of a language.

    Attributes:
        codes: what each error code means.
        said: the patterns of the English texts, the most exact ones first, and the text for each.
    """

    codes: Mapping[str, str]
    said: Sequence[tuple[re.Pattern[str], str]]


@cache
def texts_of(language: Language) -> Texts:
    """The texts of a language but English."""
    read = tomllib.loads(resources.files(__name__).joinpath(f"{language}.toml").read_text(encoding="utf-8"))
    exact_first = sorted(read["said"].items(), key=lambda pair: -len(re.sub(r"{\w+}", "", pair[0])))
    return Texts(read["codes"], [(pattern_of(english), text) for english, text in exact_first])


def pattern_of(english: str) -> re.Pattern[str]:
    """What an English text with {places} looks like when they are filled."""
    parts = re.split(r"{(\w+)}", english)
    return re.compile("".join(re.escape(part) if n % 2 == 0 else f"(?P<{part}>.*?)" for n, part in enumerate(parts)))


@lru_cache(maxsize=4096)
def said(text: str, language: Language) -> str | None:
    """A text of the program in a language; None where any part of it has none."""
    if len(rules := RULES.split(text)) > 1:
        told = [said(each, language) for each in rules]
        return "; ".join(each for each in told if each) if all(told) else None
    if len(text) > LONGEST:
        return None
    for pattern, there in texts_of(language).said:
        if found := pattern.fullmatch(text):
            given = found.groupdict()
            inside = {name: said(value, language) or value for name, value in given.items() if name.startswith(INSIDE)}
            return there.format(**given | inside) if given else there
    if (placed := PLACE.fullmatch(text)) and (words := said(placed[2], language)):
        return f"{placed[1]}: {words}"
    for sign in BETWEEN:
        first, _, rest = text.partition(sign)
        if rest and (one := said(first + sign.strip().replace(";", ""), language)) and (other := said(rest, language)):
            return f"{one}{';' if sign == '; ' else ''} {other}"
    return None
