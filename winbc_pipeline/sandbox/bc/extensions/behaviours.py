"""What the bound actions of apps do: Python functions, by the names that descriptions use.

A module that brings an app's behaviour puts it there:

    @behaviour("orderRequest.accept")
    def accept(company: Company, record: Record, arguments: Record) -> None: ...
"""

from collections.abc import Callable

from ...records import Record
from ..data.company import Company

# Takes the company, the record on which the action was called, and the arguments. It runs in one transaction, and may
# raise Refused: then nothing of the call is kept.
Behaviour = Callable[[Company, Record, Record], None]
BEHAVIOURS: dict[str, Behaviour] = {}


def behaviour(name: str) -> Callable[[Behaviour], Behaviour]:
    """Registers a function under a name."""

    def register(function: Behaviour) -> Behaviour:
        BEHAVIOURS[name] = function
        return function

    return register
