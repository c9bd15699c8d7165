"""Functions on whole columns that well-kept libraries do: telephone numbers, countries, check digits, HTML.

Each takes columns (lists of equal length) and gives one; None in the result: the value could not be read.
"""

import gettext
import html
import re
import unicodedata
from collections.abc import Sequence
from functools import cache

LANGUAGES = ("nl", "de", "fr", "es", "it", "pt", "da", "sv", "pl")
# What people write and neither ISO 3166 nor its translations have.
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
    """Numbers in E.164 form; `countries` are ISO codes for those without an international prefix."""
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
    """Two-letter codes of countries given by code, number or name."""
    known = _countries()
    return [known.get(_bare(name)) if name else "" for name in names]


def _bare(name: str) -> str:
    """A name without capitals, accents, full stops, hyphens and an English article."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter) and letter != ".")
    return " ".join(re.split(r"[\W_]+", bare)).strip().removeprefix("the ")


@cache
def _countries() -> dict[str, str]:
    """Code by everything that a country is called; a name that several have is left out."""
    import pycountry

    found = {_bare(name): {code} for code, names in EVERYDAY.items() for name in names.split(", ")}
    translations = [
        gettext.translation("iso3166-1", pycountry.LOCALES_DIR, languages=[language], fallback=True)
        for language in LANGUAGES
    ]
    for country in pycountry.countries:
        named = {country.name, getattr(country, "common_name", country.name), getattr(country, "official_name", "")}
        named |= {translation.gettext(name) for translation in translations for name in named if name}
        for name in named | {country.alpha_2, country.alpha_3, country.numeric}:
            found.setdefault(_bare(name), set()).add(country.alpha_2)
    return {name: codes.pop() for name, codes in found.items() if name and len(codes) == 1}


def gtin_check(codes: Texts) -> list[str | None]:
    """GTIN-8, -12, -13 and -14 whose check digit is right, without blanks and hyphens."""
    from stdnum import ean

    def one(code: str) -> str | None:
        bare = ean.compact(code)
        return bare if ean.is_valid(bare) else None

    return [one(code) if code else "" for code in codes]


def strip_html(texts: Texts) -> list[str | None]:
    """Texts without tags, comments, scripts and styles, characters for their entities, blanks for line breaks."""
    return [
        text and " ".join(html.unescape(TAGS.sub("", BREAKS.sub(" ", HIDDEN.sub("", text)))).split()) for text in texts
    ]
