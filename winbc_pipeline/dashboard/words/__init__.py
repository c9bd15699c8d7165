"""The words of the dashboard: one folder per language, one file per page.

A word's name is that of its file, a point and its key: `me.title`. All languages have the same names (a test sees to
it). `{name}` in a text is replaced by what a page gives. A text that counts ends in `_one` and `_other`.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal, get_args

Language = Literal["en", "nl"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
LOCALES: dict[Language, str] = {"en": "en_GB", "nl": "nl_NL"}


@dataclass(frozen=True)
class Words:
    """The words of one language."""

    language: Language
    texts: dict[str, str]

    def __call__(self, name: str, /, **given: object) -> str:
        """One text, with what is given in its places. Raises KeyError for a name or a place that nobody gave."""
        text = self.texts[name]
        return text.format(**given) if given else text

    def count(self, name: str, n: int, /, **given: object) -> str:
        """The text for a number of things, with `{n}` in it."""
        return self(f"{name}_{'one' if n == 1 else 'other'}", n=n, **given)

    def has(self, name: str) -> bool:
        """Whether there is such a text."""
        return name in self.texts


@cache
def words_of(language: Language) -> Words:
    """All words of a language."""
    folder = resources.files(__name__).joinpath(language)
    texts: dict[str, str] = {}
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        page = file.name.removesuffix(".toml")
        texts |= _named(page, tomllib.loads(file.read_text(encoding="utf-8")))
    return Words(language, texts)


def _named(page: str, read: Mapping[str, Any]) -> dict[str, str]:
    """Texts by their names; those of a section have its name before their key."""
    texts: dict[str, str] = {}
    for key, value in read.items():
        name = f"{page}.{key}"
        texts |= {name: value} if isinstance(value, str) else _named(name, value)
    return texts


def chosen(setting: str, accepted: str) -> Language:
    """The language of a page: that of the setting, or else the first that the browser accepts (RFC 9110, 12.5.4).

    Args:
        setting: `dashboard.language`; empty for the browser's.
        accepted: header Accept-Language, such as `nl-NL,nl;q=0.9,en;q=0.8`.
    """
    for wanted in (setting, *_in_order(accepted)):
        for language in LANGUAGES:
            if wanted.lower().partition("-")[0] == language:
                return language
    return LANGUAGES[0]


def _in_order(accepted: str) -> Sequence[str]:
    weighted = []
    for part in accepted.split(","):
        name, _, weight = part.partition(";q=")
        try:
            weighted.append((-float(weight or 1), name.strip()))
        except ValueError:
            continue
    return [name for weight, name in sorted(weighted, key=lambda pair: pair[0]) if weight < 0]
