"""Functions that work on whole columns, mostly with a library: telephone numbers, countries, check digits, HTML.

Each takes columns (lists of equal length) and gives one column. None in the result means that the value could not be
read.
"""

import gettext
import html
import re
import unicodedata
from collections.abc import Sequence
from functools import cache

LANGUAGES = ("nl", "de", "fr", "es", "it", "pt", "da", "sv", "pl")
# Names of countries that people write, and that neither ISO 3166 nor its translations have.
EVERYDAY = {
    "AE": "UAE",
    "BA": "Bosnia, Bosnië, Bosnien, Bosnie",
    "BQ": "Bonaire",
    "BY": "Weißrussland, Biélorussie",
    "CI": "Ivory Coast, Elfenbeinküste",
    "CV": "Cape Verde",
    "CZ": "Tsjechische Republiek",
    "GB": "UK, Great Britain, Groot-Brittannië, Groot-Brittanië, Großbritannien, Grande-Bretagne, England, Engeland, "
    "Angleterre, Scotland, Schotland, Schottland, Écosse, Wales, Pays de Galles, Northern Ireland, Noord-Ierland, "
    "Nordirland, Irlande du Nord",
    "IE": "Republic of Ireland, Republiek Ierland, Republik Irland, République d'Irlande",
    "MD": "Moldawien",
    "MK": "Macedonia, Macedonië, Mazedonien, Macédoine",
    "NL": "Hollande",
    "PS": "Palestine, Palestina",
    "RU": "Russland, Russie",
    "SX": "Sint Maarten",
    "TR": "Turkey",
    "US": "America, Amerika, Amérique",
    "VA": "Vatican, Vaticaan, Vaticaanstad, Vatikan",
}
Texts = Sequence[str | None]
HIDDEN = re.compile(r"<!--.*?-->|<(script|style)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
BREAKS = re.compile(r"<(br|/?(p|div|li|tr|td|th|h[1-6]))\b[^>]*>", re.IGNORECASE)
TAGS = re.compile(r"</?[a-z!][^>]*>", re.IGNORECASE)


def phone_e164(numbers: Texts, countries: Texts) -> list[str | None]:
    """Telephone numbers in E.164 form. `countries` are ISO codes, for numbers without an international prefix."""
    import phonenumbers

    def one(number: str, country: str | None) -> str | None:
        try:
            parsed = phonenumbers.parse(number, (country or "").upper() or None)
        except phonenumbers.NumberParseException:
            return None
        if not phonenumbers.is_possible_number(parsed):
            return None
        return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)

    return [one(number, country) if number else "" for number, country in zip(numbers, countries, strict=True)]


def country_iso(names: Texts) -> list[str | None]:
    """ISO 3166 two-letter codes of countries that are given by code, number or name."""
    known = _countries()
    return [known.get(_bare(name)) if name else "" for name in names]


def _bare(name: str) -> str:
    """A name in small letters, without accents, full stops and an English article; blanks stand for hyphens."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter) and letter != ".")
    return " ".join(re.split(r"[\W_]+", bare)).strip().removeprefix("the ")


@cache
def _countries() -> dict[str, str]:
    """Country codes by every name that a country has; a name that several countries have is left out."""
    import pycountry

    found = {_bare(name): {code} for code, names in EVERYDAY.items() for name in names.split(", ")}
    # The translations of ISO 3166 that pycountry comes with.
    translations = [
        gettext.translation("iso3166-1", pycountry.LOCALES_DIR, languages=[language], fallback=True)
        for language in LANGUAGES
    ]
    for country in pycountry.countries:
        common, official = getattr(country, "common_name", country.name), getattr(country, "official_name", "")
        named = {country.name, common, official}
        named |= {translation.gettext(name) for translation in translations for name in named if name}
        for name in named | {country.alpha_2, country.alpha_3, country.numeric}:
            found.setdefault(_bare(name), set()).add(country.alpha_2)
    # A name that several countries have says nothing.
    return {name: codes.pop() for name, codes in found.items() if name and len(codes) == 1}


def gtin_check(codes: Texts) -> list[str | None]:
    """GTINs (8, 12, 13 or 14 digits) without blanks and hyphens, where the check digit is right."""
    from stdnum import ean

    def one(code: str) -> str | None:
        bare = ean.compact(code)
        return bare if ean.is_valid(bare) else None

    return [one(code) if code else "" for code in codes]


def strip_html(texts: Texts) -> list[str | None]:
    """Texts without tags, comments, scripts and styles. Entities become characters, line breaks become blanks."""

    def one(text: str) -> str:
        visible = HIDDEN.sub("", text)
        without_tags = TAGS.sub("", BREAKS.sub(" ", visible))
        return " ".join(html.unescape(without_tags).split())

    return [one(text) if text else text for text in texts]
