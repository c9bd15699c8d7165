"""Whether a document that was confirmed is there twice: looked for beside the sending, some at a time."""

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor

from ...systems.business_central import BusinessCentral
from .candidates import CHUNK
from .existing import INVOICE, ORDER, SHIPMENT, Found, look_up

FIELDS = {  # that tell documents apart
    ORDER: ("number", "externalDocumentNumber"),
    INVOICE: ("number", "externalDocumentNumber", "orderNumber", "status"),
    SHIPMENT: ("number", "externalDocumentNumber", "orderNumber"),
}


class Looks:
    """Looks up the references of confirmed documents; `beside`: a pool of one thread."""

    def __init__(self, target: BusinessCentral, beside: ThreadPoolExecutor) -> None:
        self.target, self.beside = target, beside
        self.waiting: list[str] = []
        self.begun: list[Future[dict[str, list[Found]]]] = []

    def add(self, references: Iterable[str]) -> None:
        self.waiting += references
        if len(self.waiting) >= CHUNK:
            self._begin()

    def found_twice(self) -> dict[str, list[Found]]:
        """The documents of each reference that has more than one; raises WinbcError when a look-up is not answered."""
        if self.waiting:
            self._begin()
        there = [each for look in self.begun for each in look.result().items()]
        return {reference: documents for reference, documents in there if len(documents) > 1}

    def _begin(self) -> None:
        self.begun.append(self.beside.submit(look_up, self.target, self.waiting, FIELDS))
        self.waiting = []
