"""Date formulas of AL, as payment terms have them: `30D`, `1M`, `CM+15D`."""

import calendar
import re
from datetime import date, timedelta

from .refusal import Refused

TERM = re.compile(r"([+-]?)(C|\d{1,4})([DWMQY])")
DAYS = {"D": 1, "W": 7}
MONTHS = {"M": 1, "Q": 3, "Y": 12}


def checked_formula(text: str) -> str:
    """A formula as it is stored; raises Refused for what is none, and for weekdays and days of a month."""
    formula = text.strip().upper().removeprefix("<").removesuffix(">")
    if formula and not re.fullmatch(f"({TERM.pattern})+", formula):
        raise Refused(
            400, "Application_EvaluateException", f'The value "{text}" can\'t be evaluated into type DateFormula.'
        )
    return formula


def moved(start: str, formula: str) -> str:
    """The date that a formula leads to."""
    day = date.fromisoformat(start)
    try:
        for sign, count, unit in TERM.findall(formula):
            way = -1 if sign == "-" else 1
            day = _edge(day, unit, way) if count == "C" else _step(day, unit, way * int(count))
    except (OverflowError, ValueError):
        message = f"The date that {formula} leads to is outside of the range of dates."
        raise Refused(400, "Application_EvaluateException", message) from None
    return day.isoformat()


def _step(day: date, unit: str, count: int) -> date:
    if unit in DAYS:
        return day + timedelta(days=count * DAYS[unit])
    months = day.year * 12 + day.month - 1 + count * MONTHS[unit]
    year, month = months // 12, months % 12 + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def _edge(day: date, unit: str, way: int) -> date:
    """The last day of the current week, month, quarter or year; its first with a minus."""
    if unit in DAYS:
        return day if unit == "D" else day + timedelta(days=6 - day.weekday() if way > 0 else -day.weekday())
    span = MONTHS[unit]
    first = date(day.year, (day.month - 1) // span * span + 1, 1)
    return first if way < 0 else _step(first, "M", span) - timedelta(days=1)
