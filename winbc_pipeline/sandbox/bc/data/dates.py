"""Date formulas of AL, as payment terms use them: `30D` is 30 days, `CM+15D` is 15 days after the end of the month."""

import calendar
import re
from datetime import date, timedelta

from .refusal import Refused

TERM = re.compile(r"([+-]?)(C|\d{1,4})([DWMQY])")
DAYS = {"D": 1, "W": 7}
MONTHS = {"M": 1, "Q": 3, "Y": 12}


def checked_formula(text: str) -> str:
    """A date formula as BC stores it. Raises Refused for other text.

    Weekdays (`WD1`) and days of a month (`D10`) are formulas in AL, but the sandbox refuses them.
    """
    formula = text.strip().upper().removeprefix("<").removesuffix(">")
    if formula and not re.fullmatch(f"({TERM.pattern})+", formula):
        message = f'The value "{text}" can\'t be evaluated into type DateFormula.'
        raise Refused(400, "Application_EvaluateException", message)
    return formula


def moved(start: str, formula: str) -> str:
    """The date that a formula gives, counted from a start date."""
    day = date.fromisoformat(start)
    try:
        for sign, count, unit in TERM.findall(formula):
            direction = -1 if sign == "-" else 1
            if count == "C":
                day = _edge_of_period(day, unit, direction)
                continue
            day = _add(day, unit, direction * int(count))
    except (OverflowError, ValueError):
        message = f"The date that {formula} leads to is outside of the range of dates."
        raise Refused(400, "Application_EvaluateException", message) from None
    return day.isoformat()


def _add(day: date, unit: str, count: int) -> date:
    """The date some units later. A day that the month does not have becomes the month's last day."""
    if unit in DAYS:
        return day + timedelta(days=count * DAYS[unit])
    months = day.year * 12 + day.month - 1 + count * MONTHS[unit]
    year, month = months // 12, months % 12 + 1
    days_in_month = calendar.monthrange(year, month)[1]
    return date(year, month, min(day.day, days_in_month))


def _edge_of_period(day: date, unit: str, direction: int) -> date:
    """The last day of the week, month, quarter or year that holds the day. With a minus it is the first day."""
    if unit == "D":
        return day
    if unit == "W":
        monday = day - timedelta(days=day.weekday())
        return monday if direction < 0 else day + timedelta(days=6 - day.weekday())
    length = MONTHS[unit]
    first = date(day.year, (day.month - 1) // length * length + 1, 1)
    return first if direction < 0 else _add(first, "M", length) - timedelta(days=1)
