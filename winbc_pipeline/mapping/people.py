"""What a library knows of people's data: telephone and VAT numbers, countries, check digits, HTML; and keys of people.

Functions of formulas take columns (lists of equal length) and give one column. None in the result means that the value
could not be read. The keys (`email_keys`, `phone_key`, `vat_key`, `name_key`) take one text of one person: two texts
that mean the same have the same key. They raise for no text, and the key of a key is that key.
"""

import gettext
import html
import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from typing import Any

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
# Letters that losing its accents leaves as they are, and how they are written without them.
PLAIN_LETTERS = {"ß": "ss", "ø": "o", "ł": "l", "đ": "d", "œ": "oe", "æ": "ae", "þ": "th"}
# Codes that people write for a country beside those of ISO 3166: Greece's VAT prefix, and that of Northern Ireland.
VAT_COUNTRIES = {"EL": "GR", "XI": "GB"}
# The prefix of a country's VAT numbers where it is not the country's code (Directive 2006/112/EC, article 215; Monaco
# belongs to France, article 7).
VAT_PREFIXES = {"GR": "EL", "MC": "FR"}
# Words in front of a number (`tel. 030-…`) do no harm. A letter behind a digit may be an extension or a second text.
LETTER_BEHIND_DIGIT = re.compile(r"\d.*[^\W\d_]", re.DOTALL)
MAIL_SCHEMES = re.compile(r"^(mailto:)+")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
HIDDEN = re.compile(r"<!--.*?-->|<(script|style)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
BREAKS = re.compile(r"<(br|/?(p|div|li|tr|td|th|h[1-6]))\b[^>]*>", re.IGNORECASE)
TAGS = re.compile(r"</?[a-z!][^>]*>", re.IGNORECASE)


def phone_e164(numbers: Texts, countries: Texts) -> list[str | None]:
    """Telephone numbers in E.164 form; a text that is not one valid number stays as it was typed.

    `countries` (ISO codes or names) are for numbers without an international prefix.
    """
    return [number and (phone_key(number, country) or number) for number, country in _rows(numbers, countries)]


def phone_key(text: str, country: str | None) -> str | None:
    """The number in E.164 form; None for a text that is not one valid number, or that has an extension."""
    import phonenumbers

    if LETTER_BEHIND_DIGIT.search(text):
        return None
    try:
        parsed = phonenumbers.parse(text, _iso(country))
    except phonenumbers.NumberParseException:
        return None
    if parsed.extension or not phonenumbers.is_valid_number(parsed):
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def vat_number(numbers: Texts, countries: Texts) -> list[str | None]:
    """VAT numbers without blanks and stops, with the prefix of their country; empty for one that is not valid.

    A number of another country of the European Union is known by its own prefix. Of a country whose rule nobody here
    knows, the number stays as it was typed.
    """

    def one(number: str, country: str | None) -> str:
        code = _iso(country)
        unknown = code and _vat_rule(code) is None
        return vat_key(number, country) or (number if unknown else "")

    return [number and one(number, country) for number, country in _rows(numbers, countries)]


def vat_key(text: str, country: str | None) -> str | None:
    """The VAT number in its compact form with its country's prefix; None for one that is not known to be valid."""
    from stdnum.eu import vat

    if valid := _valid(vat, text):
        return VAT_PREFIXES.get(valid[:2], valid[:2]) + valid[2:]
    # The number's own first letters may name another country than its address, such as GB or CH.
    for code in dict.fromkeys(filter(None, (_iso(country), _code_in_front(text)))):
        prefix = VAT_PREFIXES.get(code, code)
        bare = text.strip().upper().removeprefix(prefix)  # not every rule knows its country's prefix
        for written in dict.fromkeys((text, bare)):
            if valid := _valid(_vat_rule(code), written):
                return valid if valid.startswith(prefix) else prefix + valid
    return None


def _code_in_front(number: str) -> str | None:
    """The country whose code a number begins with."""
    first = number.strip()[:2].upper()
    return first if _iso(first) == first else None


def _valid(rule: Any, number: str) -> str | None:
    """The compact form of a number that holds to a rule; a rule may stumble over a text that is far from a number."""
    try:
        return rule.validate(number) if rule else None
    except (ValueError, LookupError, TypeError):
        return None


@cache
def _vat_rule(code: str) -> Any:
    """The rule for VAT numbers of a country, or None when python-stdnum has none."""
    from stdnum import get_cc_module

    return get_cc_module(code, "vat")


def email_keys(text: str) -> set[str]:
    """The e-mail addresses of a text in small letters.

    Business Central's field may hold several, with a semicolon between (codeunit "Mail Management" of the base
    application); people also write a comma or a blank. What has no @ is no address.
    """
    found = (MAIL_SCHEMES.sub("", each) for each in re.split(r"[;,\s]+", text.lower()))
    return {each for each in found if EMAIL.fullmatch(each)}


def name_key(text: str) -> str:
    """The letters and digits of a name: case, accents, blanks and punctuation do not count."""
    folded = _without_accents(_without_accents(text).casefold())
    plain = "".join(PLAIN_LETTERS.get(letter, letter) for letter in folded)
    # Vowel signs of Indian and other scripts are marks (M…): without them different names would be the same.
    return "".join(letter for letter in plain if unicodedata.category(letter)[0] in "LNM")


def _without_accents(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _rows(first: Texts, second: Texts) -> Iterator[tuple[str | None, str | None]]:
    return zip(first, second, strict=True)


@lru_cache(1000)  # a column has few countries
def _iso(country: str | None) -> str | None:
    """The ISO code of a country that is given by code or name; None when there is none."""
    if not country:
        return None
    return VAT_COUNTRIES.get(country.strip().upper()) or _countries().get(_bare(country))


def country_iso(names: Texts) -> list[str | None]:
    """ISO 3166 two-letter codes of countries that are given by code, number or name."""
    known = _countries()
    return [known.get(_bare(name)) if name else "" for name in names]


def _bare(name: str) -> str:
    """A name in small letters, without accents, full stops and an English article; blanks stand for hyphens."""
    bare = _without_accents(name.casefold()).replace(".", "")
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
