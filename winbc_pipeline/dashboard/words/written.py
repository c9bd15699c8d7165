"""Amounts, numbers, days and moments as a language writes them."""

from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal
from functools import lru_cache

from babel.dates import format_date, format_datetime, format_time
from babel.numbers import format_currency, format_decimal, format_percent

from . import LOCALES, Language

OF_MONEY = "#,##0.00###"  # two decimals at least


@dataclass(frozen=True)
class Written:
    """Writes values for one reader. Each method takes None too, and then gives an empty text.

    Attributes:
        language: of the page.
        zone: whose clock the reader has; None for the clock of this machine.
    """

    language: Language
    zone: tzinfo | None = None

    @property
    def _locale(self) -> str:
        return LOCALES[self.language]

    def money(self, amount: Decimal | None, currency: str) -> str:
        """An amount with its currency (ISO 4217): € 1.234,50. All its decimals stay."""
        if amount is None:
            return ""
        if not currency:
            return format_decimal(amount, OF_MONEY, locale=self._locale, decimal_quantization=False)
        return format_currency(amount, currency, locale=self._locale, decimal_quantization=False)

    def number(self, value: Decimal | int | None) -> str:
        """A number with all its decimals: 1.234,5."""
        if isinstance(value, int):
            return _whole(value, self._locale)
        return "" if value is None else format_decimal(value, locale=self._locale, decimal_quantization=False)

    def percent(self, share: Decimal | float | None) -> str:
        """A share of one as percent: 12%."""
        return "" if share is None else format_percent(share, locale=self._locale)

    def day(self, day: date | None) -> str:
        """A day: 30 Nov 2026."""
        return "" if day is None else _day(day, self._locale)

    def moment(self, moment: datetime | None) -> str:
        """A moment on the reader's clock, to the second."""
        return "" if moment is None else format_datetime(self._here(moment), "medium", locale=self._locale)

    def minute(self, moment: datetime | None) -> str:
        """A moment on the reader's clock, to the minute."""
        return "" if moment is None else format_datetime(self._here(moment), "short", locale=self._locale)

    def time(self, moment: datetime | None) -> str:
        """A moment's time of day on the reader's clock, to the minute."""
        return "" if moment is None else format_time(self._here(moment), "short", locale=self._locale)

    def _here(self, moment: datetime) -> datetime:
        return moment.astimezone(self.zone)


# A page of counts has a thousand of them, most of them alike, and to write one takes as long as all else of it.
@lru_cache(maxsize=10_000)
def _whole(value: int, locale: str) -> str:
    return format_decimal(value, locale=locale)


@lru_cache(maxsize=1000)
def _day(day: date, locale: str) -> str:
    return format_date(day, "medium", locale=locale)
