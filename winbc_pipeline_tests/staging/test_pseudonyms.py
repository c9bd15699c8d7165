"""Nobody finds a person by what is kept instead of a value. Source: docs/privacy.md, What stands for a person."""

import hashlib
import json
import tarfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winbc_pipeline.staging import ledger
from winbc_pipeline.staging.ledger import Move, State
from winbc_pipeline.staging.people.installation_key import KEY_FILE, key_in, keyed, keyed_sql
from winbc_pipeline.staging.store import Store, in_memory
from winbc_pipeline.sync.payloads import field_hashes
from winbc_pipeline.systems.business_central.client import dumps

FIXTURE = Path(__file__).parents[1] / "upgrades" / "f696665.tar.xz"
KEPT_FOR_GOOD = ("ledger", "ledger_event", "problem", "problem_record")
GUEST, CUSTOMER = "guest@mail.example", "anna@mail.example"


def test_two_installations_have_different_hashes_of_one_telephone_number() -> None:
    phone = {"phoneNumber": "+31612345678"}
    assert field_hashes("one key", phone) != field_hashes("another key", phone)


@settings(max_examples=25)
@given(st.text(max_size=20), st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20))
def test_a_database_makes_the_same_keyed_hash_as_python(key: str, text: str) -> None:
    with in_memory() as connection:
        found = connection.execute(f"SELECT {keyed_sql(key, 'x')} FROM (SELECT ?::VARCHAR AS x)", [text]).fetchone()
    assert found == (keyed(key, text),)


def plain_hash(value: Any) -> str:
    """The hash of a field as versions before 3 of the tables had it."""
    is_number = isinstance(value, Decimal)
    return hashlib.sha256(format(value.normalize(), "f").encode() if is_number else dumps(value)).hexdigest()[:12]


def test_a_plain_hash_becomes_the_one_that_is_made_of_the_value_now() -> None:
    from winbc_pipeline.staging.people.pseudonyms import make_keyed

    values = {"email": "anna@mail.example", "W1/1 quantity": Decimal("2.00"), "blocked": True, "city": None, "é": "ü"}
    plain = {name: plain_hash(value) for name, value in values.items()}
    kept = {"W1/1 sequence": "10000", "price": "-"}
    with in_memory() as connection:
        connection.execute("CREATE TABLE ledger (key VARCHAR, field_hashes VARCHAR)")
        rows = [["W1", dumps(plain | kept).decode()], ["W2", None], ["W3", "{}"]]
        connection.executemany("INSERT INTO ledger VALUES (?, ?)", rows)
        make_keyed(connection, "key")
        found = dict(connection.execute("FROM ledger").fetchall())
    assert json.loads(found["W1"]) == field_hashes("key", values) | kept
    assert (found["W2"], found["W3"]) == (None, "{}")


def sent(path: Path, hashes: dict[str, str]) -> None:
    known = {"field_hashes": dumps(hashes).decode(), "hash": "all of it"}
    ledger.move(Store(path, key_folder=path.parent), [Move("order", "W1", State.CONFIRMED, known)], "run")


@pytest.mark.files
def test_with_a_lost_key_nothing_looks_changed_and_lines_keep_their_places(tmp_path: Path) -> None:
    path = tmp_path / "flow.duckdb"
    sent(path, field_hashes(key_in(tmp_path), {"city": "Utrecht"}) | {"W1/1 sequence": "10000"})
    (tmp_path / KEY_FILE).unlink()
    (row,) = ledger.read(Store(path, key_folder=tmp_path))
    assert (row["field_hashes"], row["hash"], row["state"]) == ('{"W1/1 sequence":"10000"}', "all of it", "CONFIRMED")


def test_with_the_same_key_the_hashes_stay(tmp_path: Path) -> None:
    path = tmp_path / "flow.duckdb"
    sent(path, field_hashes(key_in(tmp_path), {"city": "Utrecht"}))
    before = ledger.read(Store(path))
    assert ledger.read(Store(path, key_folder=tmp_path)) == before


@pytest.fixture
def kept_before(tmp_path: Path) -> Path:
    """The databases of a shop with a guest and two customers, as the version before keyed hashes left them."""
    with tarfile.open(FIXTURE) as kept:
        kept.extractall(tmp_path, filter="data")
    return tmp_path / "default"


def hashes_in(folder: Path) -> set[str]:
    """All that could be a hash in what is kept for good of a connection, without its key."""
    found: set[str] = set()
    for path in folder.glob("*.duckdb"):
        with duckdb.connect(str(path), read_only=True) as connection:
            tables = {name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
            for table in tables.intersection((*KEPT_FOR_GOOD, "pair")):
                rows = connection.execute(f"SELECT to_json(t)::VARCHAR FROM {table} AS t").fetchall()
                for (text,) in rows:
                    found.update(_hexadecimal(text))
    return found


def _hexadecimal(text: str) -> set[str]:
    words = "".join(letter if letter in "0123456789abcdef" else " " for letter in text).split()
    return {word for word in words if len(word) >= 8}


def matching(folder: Path, emails: list[str]) -> set[str]:
    """The addresses of which a hash, whole or its beginning, is found: by any plain way that programs use."""
    there = hashes_in(folder)
    found = set()
    for email in emails:
        for made_of in (email.encode(), dumps(email), dumps(f"guest {hashlib.md5(email.encode()).hexdigest()[:12]}")):  # noqa: S324
            for algorithm in (hashlib.md5, hashlib.sha1, hashlib.sha256):
                digest = algorithm(made_of).hexdigest()
                if any(digest[:length] in there for length in (8, 12, 16, len(digest))):
                    found.add(email)
    return found


def upgraded(folder: Path) -> Path:
    for path in folder.glob("*.duckdb"):
        with Store(path).open():
            pass
    return folder


def guesses(count: int) -> list[str]:
    """So many addresses, with those of the shop among them."""
    return [GUEST, CUSTOMER, "bo@mail.example", *(f"person{number}@mail.example" for number in range(count))]


@pytest.mark.files
def test_before_the_upgrade_addresses_could_be_guessed(kept_before: Path) -> None:
    """What this test finds by is good enough: else the next one would prove nothing."""
    assert matching(kept_before, guesses(10)) >= {GUEST, CUSTOMER}


@pytest.mark.files
def test_of_ten_thousand_guessed_addresses_the_ledger_matches_none(kept_before: Path) -> None:
    assert matching(upgraded(kept_before), guesses(10_000)) == set()


@pytest.mark.soak
def test_of_a_million_guessed_addresses_the_ledger_matches_none(kept_before: Path) -> None:
    assert matching(upgraded(kept_before), guesses(1_000_000)) == set()
