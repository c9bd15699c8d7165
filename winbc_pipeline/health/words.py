"""What a message says: what happened, why, what to do, where to look, and some of the records.

Here belongs: the texts. They hold keys, codes and the systems' own words, and no personal data (redaction.py).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from ..settings import Settings
from ..sync.outcomes import REASONS
from ..sync.window import partition_key
from .decide import Draft, Item
from .lateness import moment
from .problem import EVERY, Example, Problem

LENGTH = 300  # of a record's own words
IN_FULL, IN_A_LINE = 8, 40  # problems of one message; of the others, only the number is told
RETRY = "Then `winbc retry --flow {flow} --reason {reason}` sends them again; the next run does it too."
FEW = 3  # fewer flows are named in a headline
# What to do about records, by kind of problem.
TO_DO = {
    "failed": f"Do: mend the cause. {RETRY}",
    "person": "Do: look with `winbc trace {key} --flow {flow}`, then decide with `winbc resolve {key} --flow {flow}`.",
    "guard": "Do: `winbc approve {flow}` shows the plan and asks. Then the next run sends it.",
}
# The same of problems without records, by reason, and by kind where the reason has none of its own.
COMMANDS = {
    "E-SOURCE": "winbc approve {flow} --source",
    "E-MAPPING": "winbc mapping validate {flow}",
    "late": "winbc status",
    "volume": "winbc status",
    "system": "winbc check",
    "guard": "winbc check",
    "drift": "winbc check",
}
# Headlines by kind, or by reason: what is wrong in a few words.
HEADS = {
    "failed": "{count} not done: {reason}",
    "person": "{count} for a person: {reason}",
    "guard": "{count} for approval",
    "late": "late",
    "system": "runs stop: {reason}{system}",
    "E-SOURCE": "source shrank, nothing sent",
    "drift": "an answer is not as promised: {reason}{system}",
    "volume": "few records today",
    "expiry": "{cause} ends soon",
    "disk": "the disk is nearly full",
    "daemon": "Dagster's daemon is silent",
}
STATES = {"new": "new", "still": "still open", "mended": "RESOLVED"}


def subject(draft: Draft, settings: Settings) -> str:
    """The first line of a message."""
    begin = f"winbc {settings.connection}:"
    if len({(item.what, item.problem.name.kind, item.problem.name.reason) for item in draft.items}) == 1:
        state = {"new": "", "still": "still ", "mended": "RESOLVED "}[draft.items[0].what]
        return f"{begin} {state}{head(_together([item.problem for item in draft.items]))}"
    counts = {what: sum(item.what == what for item in draft.items) for what in STATES}
    return f"{begin} {', '.join(f'{count} {STATES[what]}' for what, count in counts.items() if count)}"


def _together(problems: Sequence[Problem]) -> Problem:
    """Problems of one kind and reason as one, for a subject that names all their flows."""
    first = problems[0]
    if len(problems) == 1:
        return first
    flows = tuple(dict.fromkeys(flow for each in problems for flow in each.flows))
    cause = first.name.cause if len({each.name.cause for each in problems}) == 1 else ""
    name = first.name._replace(flow=EVERY, cause=cause)
    return replace(first, name=name, flows=flows, records=sum(each.records for each in problems))


def body(draft: Draft, settings: Settings, now: datetime) -> str:
    """The message itself: the first problems in full, the next ones in a line each."""
    short, left = draft.items[IN_FULL : IN_FULL + IN_A_LINE], len(draft.items) - IN_FULL - IN_A_LINE
    parts = [_told(item, settings, now) for item in draft.items[:IN_FULL]]
    parts += ["\n".join(f"{STATES[item.what]}: {head(item.problem)}" for item in short)] if short else []
    parts += [f"And {left} more: `winbc status`."] if left > 0 else []
    if draft.full_until:
        held = f"Many messages went out. Others that are not more important are held until {moment(draft.full_until)}."
        parts.append(f"{held} `winbc status` shows all that is wrong.")
    return "\n\n".join(parts)


def head(problem: Problem) -> str:
    """A problem in a line."""
    name = problem.name
    if name.reason == "E-SOURCE" and len(problem.flows) == 1 and problem.words:
        return problem.words.rstrip(".")
    count = f"{problem.records} record{'' if problem.records == 1 else 's'}"
    system = f" ({name.cause})" if " " in name.cause or name.cause.istitle() else ""
    flows = name.flow or (", ".join(problem.flows) if len(problem.flows) < FEW else f"{len(problem.flows)} flows")
    what = (HEADS.get(name.reason) or HEADS[name.kind]).format(
        count=count, reason=name.reason, system=system, cause=name.cause
    )
    return f"{flows}: {what}" if flows else what


def duration(span: timedelta) -> str:
    """How long something lasted: `3 d 4 h`, `2 h 5 min`, `12 min`, `40 s`; `0 s` where clocks disagree."""
    seconds = max(int(span.total_seconds()), 0)
    minutes = seconds // 60
    days, hours = minutes // 1440, minutes // 60 % 24
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min" if minutes else f"{seconds} s"


def fix_of(problem: Problem) -> str:
    """What to do about a problem, with the command."""
    name, key = problem.name, problem.examples[0].key if problem.examples else ""
    flow = name.flow or next(iter(problem.flows), "")
    if name.kind in TO_DO and problem.examples:
        return TO_DO[name.kind].format(flow=flow, key=key, reason=name.reason)
    command = COMMANDS.get(name.reason) or COMMANDS.get(name.kind, "")
    command = command.format(flow=flow)
    words = [problem.fix, f"`{command}` tells more." if command and command not in problem.fix else ""]
    return f"Do: {' '.join(filter(None, words))}"


def _told(item: Item, settings: Settings, now: datetime) -> str:
    problem, track = item.problem, item.track
    if item.what == "mended":
        ended = track.closed_at or now
        lasted = f"RESOLVED after {duration(ended - track.opened_at)}, at {moment(ended)}."
        return "\n".join([head(problem), lasted, *_safe(item)])
    state = f"Since {moment(track.opened_at)} ({duration(now - track.opened_at)})."
    lines = [head(problem), state, *_why(problem), fix_of(problem), *_safe(item)]
    return "\n".join([*lines, *_links(problem, settings), *records_of(problem)])


def records_of(problem: Problem) -> Iterator[str]:
    """Lines that name the first records of a problem; none for a problem without records."""
    if problem.examples and problem.records > len(problem.examples):
        every = f"winbc alerts records {problem.name.flow} --csv FILE"
        yield f"The first {len(problem.examples)} of {problem.records} records (all: `{every}`):"
    elif problem.examples:
        yield "Records:"
    yield from map(_record, problem.examples)


def _safe(item: Item) -> Iterator[str]:
    for flow in item.safe:
        yield f"{flow} stays in safe mode: it writes nothing until `winbc approve {flow}` has let its plan pass."


def _why(problem: Problem) -> Iterable[str]:
    if problem.words:
        yield f"What: {problem.words}"
    if known := REASONS.get(problem.name.reason):
        yield f"Why: {known}"
    if len(problem.flows) > 1:
        yield f"It stops {', '.join(problem.flows)}."


def _links(problem: Problem, settings: Settings) -> Iterable[str]:
    code = problem.name.reason
    if code in REASONS or code.startswith("E-"):
        yield f"Explained: docs/errors.md, {code}"
    flow = problem.name.flow or next(iter(problem.flows), "")
    if flow:
        window = next((each.window for each in problem.examples if each.window), None)
        query = f"?view=partitions&partition={partition_key(window, settings)}" if window else ""
        yield f"Link: {settings.alerts.ui_url.rstrip('/')}/assets/synced/{flow}{query}"


def _record(example: Example) -> str:
    number = f" (number {example.number} in the target)" if example.number else ""
    message = f": {example.message[:LENGTH]}" if example.message else ""
    return f"- {example.part} {example.key}{number}{message}"
