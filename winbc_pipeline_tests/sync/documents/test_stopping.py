"""A run that stops after refusals that are all alike, while other answers come. Source: docs/orders.md."""

from types import SimpleNamespace
from typing import Any

from winbc_pipeline.sync.documents.batches import Sender


class Overtaken(list[str]):
    """Refusals of which another thread begins a new list in the moment in which they are counted."""

    sender: Any

    def __len__(self) -> int:
        self.sender.alike = []
        return super().__len__()


def test_why_a_run_stops_is_told_also_when_another_answer_is_taken_in_that_moment() -> None:
    sender: Any = Sender.__new__(Sender)
    sender.settings = SimpleNamespace(orders=SimpleNamespace(stop_after=2))
    sender.alike = Overtaken(["ITEM_GROUP", "ITEM_GROUP"])
    sender.alike.sender = sender
    assert sender._why_stopped == "2 in a row ended with ITEM_GROUP"
    assert sender._why_stopped == "", "the answer in between was no refusal"
