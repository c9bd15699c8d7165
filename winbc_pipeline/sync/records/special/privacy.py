"""Whom Business Central has blocked for privacy. Nothing is sent about them, for no customer and no default customer.

API v2.0 shows that block on contacts only (`privacyBlocked`, from version 18). On a customer it shows as `blocked` All,
like any other block, and his contact does not learn of it (in AL: Customer, IsContactUpdateNeeded). So only the refusal
of a document tells about such a customer (outcomes.refusal).
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from typing import Any

from ....mapping.people import email_keys
from ....systems.business_central import BusinessCentral

BLOCKED_PEOPLE = "contacts?$filter=privacyBlocked eq true&$select=id,number,email"
Record = Mapping[str, Any]


class Privacy:
    """The people who are blocked for privacy. Business Central is asked for them once, when a record first needs it."""

    def __init__(self, target: BusinessCentral) -> None:
        self.target = target
        # By id of a customer: the ids of his blocked contacts, and of those who are the customer himself.
        self.contacts: dict[str, set[str]] = {}
        self.themselves: dict[str, set[str]] = {}

    @cached_property
    def people(self) -> list[dict[str, Any]]:
        """The contacts who are blocked for privacy: `id`, `number`, `email`."""
        return self.target.get(BLOCKED_PEOPLE)

    @cached_property
    def _ids(self) -> set[str]:
        return {each["id"] for each in self.people}

    @cached_property
    def _names(self) -> set[str]:
        """Their numbers and e-mail addresses in small letters."""
        return _folded(text for each in self.people for text in (each["number"], each["email"]))

    def look_up(self, customers: Iterable[Record]) -> None:
        """Looks up the contacts of customers. Where nobody is blocked, that needs no call.

        Raises:
            WinbcError: a lookup was not answered.
        """
        new = {each["id"] for each in customers} - self.contacts.keys()
        rows: dict[str, list[Record]] = defaultdict(list)
        if new and self.people:
            paths = [f"customers({each})/contactsInformation" for each in sorted(new)]
            for row in self.target.get_all(paths):
                rows[row["relatedId"]].append(row)
        for customer in new:
            # Of a company, the persons at it are contacts too, and a block of one of them is not the company's.
            company = [row for row in rows[customer] if row["contactType"] == "Company"]
            self.contacts[customer] = self._blocked(rows[customer])
            self.themselves[customer] = self._blocked(company or rows[customer])

    def forget(self) -> None:
        """Forgets the customers that were looked up. The people who are blocked stay known."""
        self.contacts, self.themselves = {}, {}

    def _blocked(self, rows: Iterable[Record]) -> set[str]:
        return {row["contactId"] for row in rows} & self._ids

    def is_blocked(self, customer: Record, names: Collection[str | None]) -> bool:
        """Whether a customer, or somebody of these numbers and e-mail addresses, is blocked for privacy.

        Args:
            customer: the record in Business Central, whose contacts `look_up` has looked up; empty when there is none.
            names: numbers, and texts with any number of e-mail addresses.
        """
        named = self._names and self._names & _folded(names)  # mostly nobody is blocked
        return bool(self.themselves.get(customer.get("id", "")) or named)

    def may_be_blocked(self, customer: Record) -> bool:
        """Whether the refusal of a document for this customer may have been for privacy, and may still hold."""
        return customer.get("blocked") == "All" or bool(self.contacts.get(customer.get("id", "")))


def _folded(names: Iterable[str | None]) -> set[str]:
    """Numbers and e-mail addresses as they are compared."""
    return {key for name in names if name for key in email_keys(name) or {name.strip().lower()}}
