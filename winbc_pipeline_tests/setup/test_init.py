"""`winbc init`: from an empty folder to the first approved order, without reading code.

Source of the promise: docs/operations.md, "Set up".
"""

import stat
from pathlib import Path

import pytest

from winbc_pipeline.settings import load_settings

from .shop import SECRET, SECRETS, NewShop
from .shop import new_shop as new_shop

pytestmark = pytest.mark.proof  # each of them sets a whole connection up

NAMES = ("customers", "products", "orders", "order_status", "stock")
NO_FLOWS = [f'{name} = "no"' for name in NAMES]  # of tests with another subject: the review has nothing to check
ORDERS, PRODUCTS, CUSTOMERS = "orders_winstore_to_bc", "products_winstore_to_bc", "customers_winstore_to_bc"


def test_a_file_of_answers_leads_from_an_empty_folder_to_the_first_approved_order(new_shop: NewShop) -> None:
    new_shop.fill()
    done = new_shop.winbc("init", "--answers", new_shop.answers())
    assert done.exit_code == 0, done.output
    before = new_shop.writes()
    for flow in (CUSTOMERS, PRODUCTS, ORDERS):
        held = new_shop.winbc("sync", flow)
        assert held.exit_code == 1, held.output
        assert "is in safe mode" in held.output
        assert new_shop.writes() == before, "nothing is written before somebody has approved it"
        assert new_shop.winbc("approve", flow, "--yes").exit_code == 0
        assert new_shop.winbc("sync", flow).exit_code == 0
        before = new_shop.writes()
    (order,) = new_shop.in_bc("salesOrders")
    assert order["externalDocumentNumber"] == "WS-W1"


def test_a_person_types_the_answers_and_chooses_by_number(new_shop: NewShop, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SECRETS:
        monkeypatch.delenv(name)
    new_shop.fill()
    places = new_shop.addresses
    typed = ["shop", "3", places.bc_base, places.authority, places.winstore_base]
    typed += ["winstore", "wrong", "y", "", SECRET, "winbc", SECRET, "1", "1"]  # the first password is refused
    typed += ["", "", "4", "", "2", "2024-07-01"]  # no orders, no stock
    typed += ["", "", ""]  # the tax code as shipped, items, and nothing more
    done = new_shop.winbc("init", typed="\n".join(typed))
    assert done.exit_code == 0, done.output
    assert "the credentials" in done.output
    assert "entra.microsoft.com" not in done.output, "that is for Business Central online only"
    settings = load_settings()
    assert (settings.connection, settings.bc.company, settings.winstore.user) == ("shop", "CRONUS Retail", "winstore")
    assert settings.winstore.password.get_secret_value() == SECRET
    assert not settings.timing(ORDERS).sensors
    assert settings.timing(PRODUCTS).sensors
    assert SECRET not in done.output


def test_what_is_written_holds_no_secret_but_env_which_only_its_owner_reads(new_shop: NewShop) -> None:
    assert new_shop.winbc("init", "--answers", new_shop.answers(NO_FLOWS)).exit_code == 0
    files = [path for path in Path().rglob("*") if path.is_file() and path.suffix != ".duckdb"]
    assert [str(path) for path in files if SECRET.encode() in path.read_bytes()] == [".env"]
    assert stat.S_IMODE(Path(".env").stat().st_mode) == 0o600
    assert {"winbc.toml", "workspace.yaml", "mapping_tables"} <= {path.name for path in Path().iterdir()}


def test_a_second_time_everything_that_is_there_is_the_default_and_a_persons_edit_stays(new_shop: NewShop) -> None:
    assert new_shop.winbc("init", "--answers", new_shop.answers(NO_FLOWS)).exit_code == 0
    with Path("winbc.toml").open("a", encoding="utf-8") as file:
        file.write("\n[guards]\nat_least = 7  # as agreed\n")
    written = Path("winbc.toml").read_text(encoding="utf-8")
    Path("nothing.toml").write_text("", encoding="utf-8")
    again = new_shop.winbc("init", "--answers", "nothing.toml")
    assert again.exit_code == 0, again.output
    assert Path("winbc.toml").read_text(encoding="utf-8") == written


def test_a_sitting_that_was_broken_off_goes_on_at_the_step_that_is_missing(new_shop: NewShop) -> None:
    answered = [new_shop.addresses.bc_base, new_shop.addresses.authority, new_shop.addresses.winstore_base]
    broken_off = new_shop.winbc("init", typed="\n".join(["shop", "3", *answered]))
    assert broken_off.exit_code == 1
    later = new_shop.winbc("init", typed="")
    assert "Where do you want to go on? [2]" in later.output


def test_a_lacking_right_is_named_with_the_permission_set_and_the_review_repeats_it(new_shop: NewShop) -> None:
    new_shop.take_right("salesOrders", "insert")
    new_shop.take_right("paymentMethods", "read")
    done = new_shop.winbc("init", "--answers", new_shop.answers(NO_FLOWS))
    assert done.exit_code == 1
    assert done.output.count("no right to insert salesOrders") == 2, "once when it is tried, once in the review"
    assert "such as `D365 SALES DOC, EDIT`" in done.output
    assert "no right to read paymentMethods" in done.output
    assert "things to mend" in done.output


def test_the_rights_are_tried_without_leaving_anything_behind(new_shop: NewShop) -> None:
    before = {name: new_shop.in_bc(name) for name in ("customers", "items", "itemCategories", "salesOrders")}
    done = new_shop.winbc("init", "--answers", new_shop.answers(NO_FLOWS))
    assert "insert salesOrders: allowed; Business Central undid it" in done.output
    assert {name: new_shop.in_bc(name) for name in before} == before


def test_a_rate_that_has_another_code_there_changes_the_table_and_its_test(new_shop: NewShop) -> None:
    new_shop.fill()
    new_shop.has_tax_code("HIGH")
    more = ['vat = { 21 = "HIGH" }', 'shipping = { courier = "8100" }']
    assert new_shop.winbc("init", "--answers", new_shop.answers(init=more)).exit_code == 0
    table = Path("mapping_tables/lookups/tax_groups.csv")
    assert "21,HIGH" in table.read_text(encoding="utf-8-sig")
    tested = new_shop.winbc("mapping", "test")
    assert tested.exit_code == 0, tested.output


def test_secrets_in_a_file_of_answers_are_refused(new_shop: NewShop) -> None:
    path = Path("answers.toml")
    path.write_text('[winstore]\npassword = "x"\n', encoding="utf-8")
    done = new_shop.winbc("init", "--answers", str(path))
    assert "winstore.password is a secret" in str(done.exception)
