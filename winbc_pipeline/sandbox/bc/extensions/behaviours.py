"""What an app does beside storing records: Python functions, by the names that descriptions use.

A module that brings an app's behaviour puts it there, and host.py imports the module:

    @behaviour("orderRequest.process")
    def process(company: Company, record: Record, arguments: Record) -> None: ...
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ...records import Record
from ..data.company import Company

# What a bound action does. Takes the company, the record on which the action was called, and the arguments. It runs in
# one transaction, and may raise Refused: then nothing of the call is kept.
Behaviour = Callable[[Company, Record, Record], None]
# What must happen while the app is installed. Takes the company and the stored name of the entity set for whose sake it
# happens; returns what ends it. In AL, these are event subscribers.
Subscriber = Callable[[Company, str], Callable[[], None]]
BEHAVIOURS: dict[str, Behaviour] = {}
SUBSCRIBERS: dict[str, Subscriber] = {}


@dataclass(frozen=True)
class Offered:
    """An entity set of the app, and whether the user may read and write it."""

    name: str
    version: str
    since: str
    may_read: bool
    may_write: bool


# What gives the records of a set that is worked out when it is read: an API query in AL, or a temporary table.
Computation = Callable[[Company, Iterable[Offered]], list[Record]]
COMPUTATIONS: dict[str, Computation] = {}


def behaviour(name: str) -> Callable[[Behaviour], Behaviour]:
    """Registers what an action does."""

    def register(function: Behaviour) -> Behaviour:
        BEHAVIOURS[name] = function
        return function

    return register


def subscriber(name: str) -> Callable[[Subscriber], Subscriber]:
    """Registers what must happen while the app is installed."""

    def register(function: Subscriber) -> Subscriber:
        SUBSCRIBERS[name] = function
        return function

    return register


def computation(name: str) -> Callable[[Computation], Computation]:
    """Registers what gives the records of a set."""

    def register(function: Computation) -> Computation:
        COMPUTATIONS[name] = function
        return function

    return register
