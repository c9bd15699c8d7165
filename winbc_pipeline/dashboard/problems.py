"""A problem as the overview tells it: a headline, its cause, what to do, and the page on which it is done.

Here belongs: the words and the page for each kind of problem. Messages of alerts name commands: health/words.py.
"""

from dataclasses import dataclass
from urllib.parse import urlencode

from ..health.problem import Problem
from .names import Names
from .words import Words

# The page on which a problem is mended, by error code, and by kind where the code has none of its own.
PAGES = {
    "E-SOURCE": "/plan/approve",
    "E-MAPPING": "/mapping",
    "failed": "/todo",
    "person": "/todo",
    "guard": "/plan/approve",
    "late": "/activity",
    "volume": "/activity",
    "system": "/settings#checks",
    "drift": "/settings#checks",
}
OF_A_FLOW = ("/plan/approve", "/todo", "/activity")  # pages that show one flow
FEW = 3  # fewer flows are named in a headline


@dataclass(frozen=True)
class Told:
    """A problem in words; `path` is empty where no page mends it, and `go` says what it leads to."""

    head: str
    cause: str
    fix: str
    path: str
    go: str


def told(problem: Problem, words: Words) -> Told:
    """A problem in the language of a page."""
    name, names = problem.name, Names(words)
    reason = names.reason(name.reason)
    flow = name.flow or next(iter(problem.flows), "")
    kind = name.reason if name.reason in PAGES else name.kind
    path = PAGES.get(kind, "")
    query = {"flow": flow} | ({"reason": name.reason} if path == "/todo" else {})
    asked = f"?{urlencode(query)}" if path in OF_A_FLOW and flow else ""
    return Told(_head(problem, words, names), reason.cause, reason.fix, path + asked, _go(kind, path, words))


def _head(problem: Problem, words: Words, names: Names) -> str:
    name = problem.name
    flows = [name.flow] if name.flow else list(problem.flows)
    who = "; ".join(map(names.flow, flows)) if len(flows) < FEW else words("overview.flows_of", n=len(flows))
    text = f"overview.head_{name.reason if words.has(f'overview.head_{name.reason}') else name.kind}"
    given = {"reason": name.reason, "cause": name.cause}
    what = words.count(text, problem.records, **given) if words.has(f"{text}_one") else words(text, **given)
    return f"{who}: {what}" if who else what


def _go(kind: str, path: str, words: Words) -> str:
    return words(f"overview.go_{kind}") if path else ""
