"""Odd shops whose customers go both ways: nothing is sent back, and what changes arrives or is held with a reason.

The shops are those of test_strange_shops.py. Sources of the promises: docs/two-ways.md and docs/customers.md.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from winbc_pipeline.mapping.people import email_keys, phone_key
from winbc_pipeline.sandbox.retail_tables import Row
from winbc_pipeline.sandbox.strange.shop import StrangeShop, make
from winbc_pipeline.sandbox.strange.words import EMOJI, MARKUP, RIGHT_TO_LEFT
from winbc_pipeline.settings import CustomerSettings
from winbc_pipeline.sync.outcomes import REASONS

from ..support.in_process import in_process
from ..support.order_flow import settings_of_order_flow
from ..support.order_sandboxes import BC, WINSTORE, Record
from ..support.sandboxes import REPOSITORY
from ..support.shops.two_ways import TO_BC, TO_WINSTORE, TwoWays
from ..support.turns import of_turn

IN_PROOF, IN_SOAK = range(4), range(4, 300)
WEEK_S = 7 * 86400
ERRORS = (REPOSITORY / "docs" / "errors.md").read_text(encoding="utf-8")
# The room that Business Central's fields of API v2.0 have (reference: fields of `customer`).
ROOM = {"displayName": 100, "addressLine1": 100, "city": 30, "postalCode": 20, "email": 80, "phoneNumber": 30}
IN_BC = (
    {"displayName": RIGHT_TO_LEFT},
    {"displayName": EMOJI},
    {"displayName": MARKUP},
    {"displayName": "Cher"},
    {"displayName": "x" * 100},
    {"displayName": "佐藤 \u3000太郎"},
    {"displayName": "  Anna  van den  Berg "},
    {"addressLine1": "'s-Gravenweg 12-b achter"},
    {"addressLine1": "Kerkweg"},
    {"addressLine1": "Straat 1940-1945 7"},
    {"addressLine1": ""},
    {"addressLine1": "日本橋1-2-3"},
    {"city": ""},
    {"city": '\'s-Hertogenbosch "noord"'},
    {"postalCode": "3511ab"},
    {"email": "one@mail.example; Two@mail.example"},
    {"email": "O'Neil+*?@mail.example"},
    {"email": ""},
    {"phoneNumber": ""},
    {"phoneNumber": "+31 (0)30 123 45 67"},
    {"phoneNumber": "030-1 / 030-2"},
    {"country": ""},
    {"country": "BE"},
    {"taxRegistrationNumber": "NL 004495445 B01"},
    {"type": "Company"},
    {"type": "Person"},
)
IN_WINSTORE = (
    {"fname": EMOJI},
    {"lname": RIGHT_TO_LEFT},
    {"lname": MARKUP},
    {"fname": "  "},
    {"fname": ""},
    {"lname": "Kunst- und Handelshaus " * 13},
    {"company": 'Söhne & Co "Nord"'},
    {"company": ""},
    {"street": "Kerkweg\nachter"},
    {"street": "", "streetnr": ""},
    {"streetnr": "12-b"},
    {"zip": ""},
    {"city": "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch"},
    {"email": " New.Address@Mail.example "},
    {"email": "one@mail.example; two@mail.example"},
    {"email": ""},
    {"phone": ""},
    {"phone": "after six: 030-1"},
    {"countryISO": "nld"},
    {"countryISO": "TV"},
    {"vatnumber": "NL 4495445 B01"},
)


# A person and a company, and which half of the edits `make proof` makes to them; `make soak` makes the other half.
PERSON, COMPANY = "", "Mulder & Co"
HALVES = [
    pytest.param(company, half, marks=() if half == own else pytest.mark.soak)
    for own, company in enumerate((PERSON, COMPANY))
    for half in (0, 1)
]


class OddBothWays(TwoWays):
    """An odd shop whose customers go both ways."""

    shop: StrangeShop

    def load(self, folder: Path) -> None:
        self._control(WINSTORE, "seed", {"folder": str(folder)})

    def in_books(self) -> None:
        """The shop's customers are in Business Central, and not in Winstore. Business Central has their values."""
        for number, row in enumerate(self.shop.tables["customers"], 1):
            fields = {name: value[: ROOM[name]] for name, value in _as_typed(row).items() if value}
            self.seed(customers=[{"number": f"C{number:05}", "type": _kind(row)} | fields])

    def marks(self) -> dict[int, int]:
        """How many writes each system has taken."""
        return {port: len(self.state(port)["writes"]) for port in (BC, WINSTORE)}

    def since(self, marks: dict[int, int], port: int) -> list[Record]:
        """The writes that a system took since then, without those to contacts: they follow their company."""
        return [each for each in self.state(port)["writes"][marks[port] :] if each["entity"] != "contacts"]

    def unsettled(self) -> Iterator[str]:
        """Records without an outcome, or held without a reason that docs/errors.md explains."""
        for flow in (TO_BC, TO_WINSTORE):
            for key, row in self.rows(flow).items():
                if row["state"] not in ("CONFIRMED", "SKIPPED", "FAILED", "CONFLICT"):
                    yield f"{flow} {key} is {row['state']}"
                if row["state"] != "CONFIRMED" and not (row["reason"] in REASONS and f"| {row['reason']} |" in ERRORS):
                    yield f"{flow} {key} is {row['state']} for the reason {row['reason']}"
                if row["state"] == "FAILED" and not row["message"]:
                    yield f"{flow} {key} is FAILED without a word"

    def assert_at_rest(self) -> None:
        """Another pass of both directions writes nothing, and every record has its outcome."""
        before = self.marks()
        self.passes()
        assert self.marks() == before, [self.since(before, port) for port in before]
        assert not (found := [*self.unsettled()]), found

    def is_in_conflict(self, key: str) -> bool:
        row = self.rows(TO_BC).get(key)
        return bool(row and (row["state"], row["reason"]) == ("CONFLICT", "BOTH_CHANGED"))

    def assert_sound_ones_arrived(self) -> None:
        """Every customer without a defect is in Business Central, or waits for a person as a changed kind does."""
        rows = self.rows(TO_BC)
        for key, known in self.shop.expected["customers"].items():
            if not known["defects"]:
                is_there = rows[key]["state"] == "CONFIRMED" or self.is_in_conflict(key)
                assert is_there, (key, known, rows[key]["reason"], rows[key]["message"])


def _kind(row: Row) -> str:
    return "Company" if row["company_name"].strip() else "Person"


def _as_typed(row: Row) -> Record:
    """A customer of a shop as somebody types it in Business Central."""
    name = row["company_name"] or f"{row['first_name']} {row['last_name']}".strip()
    return {
        "displayName": name,
        "addressLine1": f"{row['street']} {row['house_number']}".strip(),
        "city": row["city"],
        "postalCode": row["zip"],
        "email": row["email"],
        "phoneNumber": row["phone"] if row["phone"].startswith("+") else "",
    }


@contextmanager
def odd_both_ways(seed: int, folder: Path) -> Iterator[OddBothWays]:
    """The shop of a seed between two empty systems, until the block ends."""
    settings = settings_of_order_flow(folder).model_copy(update={"customers": CustomerSettings(direction="both")})
    trial = OddBothWays(settings)
    trial.shop = make(seed)
    trial.shop.write(folder / "shop")
    try:
        with in_process(trial.wire, trial.moment, trial.pass_time):
            yield trial
    finally:
        trial.close()


def some(seeds_in_proof: range) -> list[Any]:
    """Seeds for `make proof`, and many more for `make soak`."""
    return [*seeds_in_proof, *(pytest.param(seed, marks=pytest.mark.soak) for seed in IN_SOAK)]


@pytest.mark.proof
@pytest.mark.parametrize("seed", some(IN_PROOF))
def test_a_shop_goes_to_the_books_and_nothing_comes_back(seed: int, tables: Path, tmp_path: Path) -> None:
    # docs/two-ways.md: customers who came from Winstore are not sent back.
    with odd_both_ways(seed, tmp_path) as trial:
        trial.load(tmp_path / "shop")
        before = trial.marks()
        trial.passes()
        assert trial.since(before, WINSTORE) == []
        trial.assert_sound_ones_arrived()
        trial.assert_at_rest()
        trial.pass_time(WEEK_S)
        trial.load(tmp_path / "shop" / "later")
        before = trial.marks()
        trial.passes()
        assert trial.since(before, WINSTORE) == []
        trial.assert_sound_ones_arrived()
        for row in trial.shop.later["customers"]:
            if not trial.shop.expected["customers"][row["customer_id"]]["defects"]:
                _assert_arrived_later(trial, row)
        trial.assert_at_rest()


def _assert_arrived_later(trial: OddBothWays, row: Row) -> None:
    """What changed in a week is in the books, unless the customer became a person: then nothing of it is sent."""
    record = trial.of_bc(f"WS{row['customer_id']}")
    if record["type"] == _kind(row):
        assert record["email"] == row["email"].strip().lower()
    else:
        assert trial.is_in_conflict(row["customer_id"])


@pytest.mark.proof
@pytest.mark.parametrize("seed", some(IN_PROOF))
def test_customers_who_are_only_in_the_books_go_to_the_shop_and_nothing_comes_back(
    seed: int, tables: Path, tmp_path: Path
) -> None:
    with odd_both_ways(seed, tmp_path) as trial:
        trial.in_books()
        before = trial.marks()
        trial.run(TO_WINSTORE)
        trial.passes()
        assert trial.since(before, BC) == []
        for key, row in trial.rows(TO_WINSTORE).items():
            record = trial.of_bc(key)
            if row["state"] != "CONFIRMED":
                twins = [each for each in trial.records("customers") if each["email"] == record["email"]]
                assert "@" not in record["email"] or len(twins) > 1, (key, row["reason"], row["message"])
            else:
                shop = trial.of_shop(row["target_no"])
                assert shop.get("company") or _words(shop) == record["displayName"].split()
        trial.assert_at_rest()


def _words(shop: Record) -> list[str]:
    """The words of a person's name in Winstore."""
    return f"{shop.get('fname', '')} {shop.get('lname', '')}".split()


@pytest.mark.proof
@pytest.mark.parametrize(("company", "half"), HALVES)
def test_what_is_typed_in_the_books_arrives_or_is_held_and_does_not_come_back(
    company: str, half: int, tables: Path, tmp_path: Path
) -> None:
    with odd_both_ways(0, tmp_path) as trial:
        trial.shop_has(company=company)
        trial.passes()
        for _, edit in of_turn(IN_BC, half, 2):
            known, before = trial.of_bc(), trial.of_shop()
            trial.in_bc(**edit)
            typed, marks = trial.of_bc(), trial.marks()
            trial.run(TO_WINSTORE)
            trial.passes()
            row = trial.rows(TO_WINSTORE)["WS000123"]
            assert trial.since(marks, BC) == [], edit
            assert trial.of_bc() == typed, edit
            assert trial.rows(TO_BC)["000123"]["state"] == "CONFIRMED", edit
            if row["state"] == "CONFIRMED":
                assert same_customer(typed, trial.of_shop()), edit
            else:
                assert trial.of_shop() == before, edit
                trial.in_bc(**{name: known[name] for name in edit})  # the person takes it back
            trial.passes()
            trial.assert_at_rest()
            assert trial.rows(TO_WINSTORE)["WS000123"]["state"] == "CONFIRMED", edit
            assert not company or (trial.of_shop()["fname"], trial.of_shop()["lname"]) == ("Anna", "O'Neil")


def same_customer(record: Record, shop: Record) -> bool:
    """Whether Winstore's customer says what Business Central's says, however each of them writes it."""
    name = shop["company"].split() if record["type"] == "Company" else _words(shop)
    return (
        name == record["displayName"].split()
        and bare(shop["street"] + shop["streetnr"]) == bare(record["addressLine1"])
        and (shop["city"], bare(shop["zip"])) == (record["city"], bare(record["postalCode"]))
        and email_keys(shop["email"]) <= email_keys(record["email"])
        and _phone(shop["phone"], shop["countryISO"]) == _phone(record["phoneNumber"], record["country"])
    )


def _phone(text: str, country: str) -> str:
    return phone_key(text, country) or text


def bare(text: str) -> str:
    """A text without blanks, hyphens and brackets, in small letters."""
    return "".join(letter for letter in text.lower() if letter not in " -()/\n")


@pytest.mark.proof
@pytest.mark.parametrize(("company", "half"), HALVES)
def test_what_is_typed_in_the_shop_arrives_or_is_held_and_does_not_come_back(
    company: str, half: int, tables: Path, tmp_path: Path
) -> None:
    with odd_both_ways(0, tmp_path) as trial:
        trial.shop_has(company=company)
        trial.passes()
        for _, edit in of_turn(IN_WINSTORE, half, 2):
            known, before = trial.of_shop(), trial.of_bc()
            trial.in_winstore(**edit)
            typed, marks = trial.of_shop(), trial.marks()
            trial.passes()
            trial.passes()
            row = trial.rows(TO_BC)["000123"]
            assert trial.since(marks, WINSTORE) == [], edit
            assert trial.of_shop() == typed, edit
            assert trial.rows(TO_WINSTORE)["WS000123"]["state"] == "CONFIRMED", edit
            if row["state"] == "CONFIRMED":
                assert same_customer(trial.of_bc(), typed), edit
            else:
                assert trial.of_bc() == before, edit
                trial.in_winstore(**{name: known[name] for name in edit})
            trial.passes()
            trial.assert_at_rest()
            assert trial.rows(TO_BC)["000123"]["state"] == "CONFIRMED", edit
