"""500 random edits on both sides, compared with a small model that knows nothing of hashes, pairs or plans.

The model: what is edited on one side arrives on the other; what is edited on both is for a person; nothing is lost.
"""

import random
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ...support.shops.two_ways import TO_BC, TO_WINSTORE, TwoWays, open_two_ways

FIELDS = {"city": "city", "zip": "postalCode", "email": "email"}  # Winstore's name and Business Central's
FLOWS = {TO_BC: ("winstore", "bc"), TO_WINSTORE: ("bc", "winstore")}  # the sides, source first
EDITS, CUSTOMERS = 500, 6


@dataclass
class Model:
    """One customer: what each side has, and what both last agreed on, by Winstore's name of the field."""

    winstore: dict[str, str]
    bc: dict[str, str] = field(default_factory=dict)
    agreed: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.bc, self.agreed = dict(self.winstore), dict(self.winstore)

    def side(self, name: str) -> dict[str, str]:
        return self.winstore if name == "winstore" else self.bc

    def conflicts(self) -> set[str]:
        return {
            name
            for name, base in self.agreed.items()
            if base not in (self.winstore[name], self.bc[name]) and self.winstore[name] != self.bc[name]
        }

    def carry(self, source: str, target: str) -> None:
        """One run from a side. A record with a conflict waits as a whole."""
        if self.conflicts():
            return
        for name, value in self.side(source).items():
            if value != self.agreed[name]:
                self.side(target)[name] = self.agreed[name] = value

    def take(self, side: str) -> None:
        """A person decides for a side in what is a conflict."""
        for name in self.conflicts():
            self.winstore[name] = self.bc[name] = self.agreed[name] = self.side(side)[name]


@pytest.mark.proof
@pytest.mark.parametrize(
    "seed", [1, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(2, 30))], ids=lambda seed: f"seed {seed}"
)
def test_what_is_edited_on_one_side_arrives_and_what_is_edited_on_both_is_for_a_person(
    tmp_path: Path, tables: Path, seed: int
) -> None:
    chance = random.Random(seed)
    with open_two_ways(tmp_path) as world:
        models = {}
        for key in map(str, range(1, CUSTOMERS + 1)):
            models[key] = Model({"city": "Utrecht", "zip": "3511 AB", "email": f"{key}@a.example"})
            world.shop_has(key, **models[key].winstore)
        world.passes()
        for number in range(EDITS):
            _edit(world, models, chance, number)
            if chance.random() < 0.1:
                _run(world, models, chance.choice((TO_BC, TO_WINSTORE)))
            if chance.random() < 0.03:
                _settle(world, models, chance)
        for key, model in models.items():
            assert {name: world.of_shop(key)[name] for name in FIELDS} == model.winstore
            assert {name: world.of_bc(f"WS{key}")[of_bc] for name, of_bc in FIELDS.items()} == model.bc


def _edit(world: TwoWays, models: dict[str, Model], chance: random.Random, number: int) -> None:
    key, name, side = chance.choice(list(models)), chance.choice(list(FIELDS)), chance.choice(("winstore", "bc"))
    value = f"{number + CUSTOMERS + 1}@{chance.choice('ab')}.example" if name == "email" else f"V{chance.randrange(6)}"
    models[key].side(side)[name] = value
    if side == "winstore":
        world.in_winstore(key, **{name: value})
    else:
        world.in_bc(f"WS{key}", **{FIELDS[name]: value})


def _run(world: TwoWays, models: dict[str, Model], flow: str) -> None:
    world.run(flow)
    waiting = {key.removeprefix("WS") for key, row in world.rows(flow).items() if row["state"] == "CONFLICT"}
    assert waiting == {key for key, model in models.items() if model.conflicts()}
    for model in models.values():
        model.carry(*FLOWS[flow])


def _settle(world: TwoWays, models: dict[str, Model], chance: random.Random) -> None:
    """A person settles one conflict after both runs have seen it, in a direction and for a side by chance."""
    for flow in FLOWS:
        _run(world, models, flow)
    held = [key for key, model in models.items() if model.conflicts()]
    if not held:
        return
    key, flow = chance.choice(held), chance.choice(list(FLOWS))
    how = chance.choice(("take_source", "take_target"))
    world.settle(flow, how, key if flow == TO_BC else f"WS{key}")
    source, target = FLOWS[flow]
    models[key].take(source if how == "take_source" else target)
    models[key].carry(source, target)  # the record is sent
    for each in FLOWS:
        _run(world, models, each)
