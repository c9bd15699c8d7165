"""Products of many faults and many calls, in turns: `make proof` tries a share of them, `make soak` all.

In the share, every fault meets some calls and every call meets some faults.
"""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import pytest

TURNS = 4
Case = TypeVar("Case")


def in_turns(kinds: Iterable[str], in_proof: Iterable[str], turns: int = TURNS) -> list[Any]:
    """The parameters (kind, turn). One turn of each kind that is in the proof belongs to it, a later one each time."""
    chosen = list(in_proof)
    return [
        pytest.param(
            kind,
            turn,
            marks=() if kind in chosen and turn == chosen.index(kind) % turns else pytest.mark.soak,
        )
        for kind in kinds
        for turn in range(turns)
    ]


def of_turn(calls: Sequence[Case], turn: int, turns: int = TURNS) -> list[tuple[int, Case]]:
    """The calls that a turn meets, each with its number among all."""
    return [(number, call) for number, call in enumerate(calls) if number % turns == turn]
