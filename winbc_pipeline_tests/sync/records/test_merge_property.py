"""500 random edits on both sides, compared with a small model that knows nothing of hashes, pairs or plans.

The model: what is edited on one side arrives on the other; what is edited on both is for a person; nothing is lost.
"""

import random
from dataclasses import dataclass, field

import pytest

from winbc_pipeline.settings import Settings

from ...support.sandboxes import Sandboxes
from .test_both_ways import TO_BC, TO_WINSTORE, customer_of_bc, customer_of_shop, in_bc, in_winstore, settle

FIELDS = {"city": "city", "zip": "postalCode", "email": "email"}  # Winstore's name and Business Central's
SIDES = ("winstore", "bc")
EDITS, CUSTOMERS = 500, 6


@dataclass
class Model:
    """One customer: what each side has, and what both last agreed on, by Winstore's name of the field."""

    winstore: dict[str, str]
    bc: dict[str, str] = field(default_factory=dict)
    agreed: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.bc, self.agreed = dict(self.winstore), dict(self.winstore)

    def conflicts(self) -> set[str]:
        return {
            name
            for name, base in self.agreed.items()
            if base not in (self.winstore[name], self.bc[name]) and self.winstore[name] != self.bc[name]
        }

    def carry(self, source: str) -> None:
        """One run from a side. A record with a conflict waits as a whole."""
        if self.conflicts():
            return
        ours, theirs = (self.winstore, self.bc) if source == "winstore" else (self.bc, self.winstore)
        for name, value in ours.items():
            if value != self.agreed[name]:
                theirs[name] = self.agreed[name] = value

    def take(self, side: str) -> None:
        """A person decides for a side; what only the other side changed stays its own."""
        ours, theirs = (self.winstore, self.bc) if side == "winstore" else (self.bc, self.winstore)
        for name in self.conflicts():
            theirs[name] = self.agreed[name] = ours[name]


@pytest.mark.proof
@pytest.mark.parametrize("seed", [1, 2])
def test_what_is_edited_on_one_side_arrives_and_what_is_edited_on_both_is_for_a_person(
    sandboxes: Sandboxes, seed: int
) -> None:
    chance = random.Random(seed)
    sandboxes.settings = Settings(**(dict(sandboxes.settings) | {"customers": {"direction": "both"}}))
    models = {
        str(n): Model({"city": "Utrecht", "zip": "3511 AB", "email": f"{n}@a.example"}) for n in range(1, CUSTOMERS + 1)
    }
    sandboxes.fill(customers=[{"customer_id": key, "email": model.winstore["email"]} for key, model in models.items()])
    sandboxes.sync(TO_BC)
    sandboxes.sync(TO_WINSTORE)
    for number in range(EDITS // 2):
        _edit(sandboxes, models, chance, number)
        if chance.random() < 0.2:
            _run(sandboxes, models, chance.choice((TO_BC, TO_WINSTORE)))
        if chance.random() < 0.05:
            _settle(sandboxes, models, chance)
    for key, model in models.items():
        assert {name: customer_of_shop(sandboxes, key)[name] for name in FIELDS} == model.winstore
        assert {name: customer_of_bc(sandboxes, f"WS{key}")[of_bc] for name, of_bc in FIELDS.items()} == model.bc


def _edit(sandboxes: Sandboxes, models: dict[str, Model], chance: random.Random, number: int) -> None:
    key, name, side = chance.choice(list(models)), chance.choice(list(FIELDS)), chance.choice(SIDES)
    value = f"{number}@{chance.choice('ab')}.example" if name == "email" else f"V{chance.randrange(6)}"
    if side == "winstore":
        models[key].winstore[name] = value
        in_winstore(sandboxes, key, **{name: value})
    else:
        models[key].bc[name] = value
        in_bc(sandboxes, f"WS{key}", **{FIELDS[name]: value})


def _run(sandboxes: Sandboxes, models: dict[str, Model], flow: str) -> None:
    done = sandboxes.sync(flow)
    held = sum(bool(model.conflicts()) for model in models.values())
    assert done.failed == held
    for model in models.values():
        model.carry("winstore" if flow == TO_BC else "bc")


def _settle(sandboxes: Sandboxes, models: dict[str, Model], chance: random.Random) -> None:
    """A person settles one conflict after both runs have seen it, in a direction and for a side by chance."""
    for flow in (TO_BC, TO_WINSTORE):
        _run(sandboxes, models, flow)
    held = [key for key, model in models.items() if model.conflicts()]
    if not held:
        return
    key, flow, how = (
        chance.choice(held),
        chance.choice((TO_BC, TO_WINSTORE)),
        chance.choice(("take_source", "take_target")),
    )
    settle(sandboxes, flow, how, key if flow == TO_BC else f"WS{key}")
    source = "winstore" if flow == TO_BC else "bc"
    other = "bc" if flow == TO_BC else "winstore"
    models[key].take(source if how == "take_source" else other)
    for each in (TO_BC, TO_WINSTORE):
        _run(sandboxes, models, each)
