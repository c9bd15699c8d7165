"""Step 3: what is kept in step, in which direction, and since when. Every flow begins in safe mode."""

from datetime import date, timedelta

from .. import clock
from ..flows import FLOWS
from ..settings import Settings
from ..sync.flow import Flow
from .questions import Choice, Question, yes_no
from .sitting import Sitting

TO_BC, TO_WINSTORE, BOTH, NO = "to_bc", "to_winstore", "both", "no"
WAYS = (
    Choice(TO_BC, "from Winstore to Business Central"),
    Choice(TO_WINSTORE, "from Business Central to Winstore"),
    Choice(BOTH, "both"),
    Choice(NO, "not at all"),
)
TEXTS = {
    "customers": "Which way do customers go?",
    "products": "Which way do products go?",
    "orders": "Which way do orders go?",
    "order_status": "Which way does the status of orders go?",
    "stock": "Is stock kept in step? Step 4 asks who owns it",
}
USUAL = {"orders": TO_BC, "order_status": TO_WINSTORE}  # of flows for which no setting says the direction
DAYS = 30  # of history, where nothing is said yet


def ask_directions(sitting: Sitting) -> None:
    """Asks for the direction of each flow, and for the first day that is read."""
    is_first = sitting.file.get("safe_mode") is None
    for name, text in TEXTS.items():
        default = _present(name, sitting.settings, is_first)
        if name == "stock":
            answer = sitting.desk.ask(yes_no("init.stock", text, default != NO))
            way = BOTH if answer == "yes" else NO
        else:
            way = sitting.desk.ask(Question(f"init.{name}", text, default, WAYS))
        _write(sitting, name, way)
    first = sitting.settings.history_start if sitting.file.get("history_start") else _usual_start()
    text = "The first day (UTC) that is read, such as 2026-01-01. More history takes longer"
    sitting.ask(Question("history_start", text, first.isoformat(), wrong=_no_day), date.fromisoformat)
    for setting in ("safe_mode", "sensors", "schedules"):
        if sitting.file.get(setting) is None:
            sitting.file.put(setting, True)


def runs(flow: Flow, settings: Settings) -> bool:
    """Whether a flow is on, and follows its source by itself."""
    return flow.is_on(settings) and settings.timing(flow.id).sensors


def _present(name: str, settings: Settings, is_first: bool) -> str:
    """The direction of the flows of a name as it is; the usual one the first time."""
    if is_first and name in USUAL:
        return USUAL[name]
    of_the_name = [flow for flow in FLOWS if flow.name == name and flow.is_on(settings)]
    targets = {flow.target for flow in of_the_name if is_first or runs(flow, settings)}
    if len(targets) == 2:
        return BOTH
    return f"to_{targets.pop()}" if targets else NO


def _write(sitting: Sitting, name: str, way: str) -> None:
    """Writes the direction, and which flows of the name start by themselves."""
    if name in ("customers", "products") and way != NO:
        sitting.file.put(f"{name}.direction", way)
    for flow in FLOWS:
        if flow.name != name:
            continue
        is_wanted = way in (BOTH, f"to_{flow.target}")
        decided = not is_wanted and (way == NO or flow.direction(sitting.settings) == "either")
        for setting in ("sensors", "schedules"):
            place = f"flows.{flow.id}.{setting}"
            if decided or sitting.file.get(place) is not None:
                sitting.file.put(place, False if decided else None)


def _usual_start() -> date:
    return clock.now().date() - timedelta(days=DAYS)


def _no_day(answer: str) -> str:
    try:
        first = date.fromisoformat(answer)
    except ValueError:
        return "a day such as 2026-01-01"
    return "" if first <= clock.now().date() else "it has not come yet"
