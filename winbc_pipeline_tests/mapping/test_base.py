"""Connections build on one shared mapping folder, table by table. Source: docs/mapping.md, "A shared folder"."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from winbc_pipeline.errors import ConfigurationError, MappingError
from winbc_pipeline.flows import FLOWS, PRODUCTS, flow_named
from winbc_pipeline.mapping.shipped import SHIPPED, differences, differences_from_base, reset
from winbc_pipeline.settings import Settings, Tables, load_settings
from winbc_pipeline.setup.lookups import present_rows, put_rows
from winbc_pipeline.sync.connected import CompiledTables, ConnectedFlow
from winbc_pipeline.workbench.tables.drafts import flows_of_table
from winbc_pipeline.workbench.tables.new_lookup import new_lookup
from winbc_pipeline.workbench.tables.table_tests import run_lookup_tests, run_tests

from ..cli.test_cli import run
from ..support.sandboxes import Sandboxes
from .test_defaults import NOW

ITEM, CATEGORIES = Path(PRODUCTS.id, "item.csv"), Path("lookups", "categories.csv")
EVERY = sorted(path.relative_to(SHIPPED) for path in SHIPPED.glob("*/*.csv"))
Make = Callable[..., ConnectedFlow]


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def copied(tables: list[Path], folder: Path) -> None:
    for table in tables:
        (folder / table).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(SHIPPED / table, folder / table)


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shared folder, in which all tables are as shipped; all connections beside it build on it."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "connections" / "shared_tables"
    copied(EVERY, folder)
    Path("connections", "defaults.toml").write_text('mapping_base = "../shared_tables"\n')
    return folder


@pytest.fixture
def shop(base: Path) -> Make:
    """Makes a connection, with copies of some tables as its own; gives its flow of products."""

    def make(name: str, *own: Path, toml: str = "") -> ConnectedFlow:
        folder = Path("connections", name)
        folder.mkdir()
        (folder / "winbc.toml").write_text(f'connection = "{name}"\n{toml}')
        copied(list(own), folder / "mapping_tables")
        return ConnectedFlow(PRODUCTS, load_settings(folder.resolve()))

    return make


def price(flow: ConnectedFlow) -> str:
    """The formula of the price."""
    rows = flow.checked()["item"].targets
    return next(row.line.source for row in rows if row.line.target_field == "unitPrice")


def own_folder(flow: ConnectedFlow) -> Path:
    return flow.settings.mapping_folder


def test_an_edit_in_the_base_reaches_who_builds_on_it_and_not_who_has_the_table(base: Path, shop: Make) -> None:
    plain, own = shop("utrecht"), shop("den-haag", ITEM)
    versions = plain.mapping_version(), own.mapping_version()
    edit(base / ITEM, "unitPrice,price,", "unitPrice,costprice,")
    assert (price(plain), price(own)) == ("costprice", "price")
    assert plain.mapping_version() != versions[0], "so that what was made of it is out of date"
    assert own.mapping_version() == versions[1]


def test_an_own_table_goes_before_the_base_for_its_connection_only(shop: Make) -> None:
    plain, own = shop("utrecht"), shop("den-haag", ITEM)
    edit(own_folder(own) / ITEM, "unitPrice,price,", "unitPrice,costprice,")
    assert (price(plain), price(own)) == ("price", "costprice")


def test_a_table_of_its_own_looks_up_in_a_table_of_the_base(base: Path, shop: Make) -> None:
    own = shop("den-haag", ITEM)
    (base / CATEGORIES).write_text("source_value,target_value,note\nChairs,7,\n")
    assert own.checked()["item"].lookups["categories"] == {"Chairs": "7"}
    (base / CATEGORIES).write_text("source_value,target_value,note\nChairs,8,\n")
    assert own.checked()["item"].lookups["categories"] == {"Chairs": "8"}


def test_a_lookup_table_of_its_own_serves_the_tables_of_the_base(shop: Make) -> None:
    own = shop("den-haag", Path("lookups", "stock_groups.csv"))
    flows = {flow.id for flow in flows_of_table(own.settings, CATEGORIES)}
    assert PRODUCTS.id in flows, "the formula that names it stands in the base"


@given(st.sets(st.sampled_from(EVERY)))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_however_the_tables_are_split_they_are_the_same_version(tmp_path: Path, own: set[Path]) -> None:
    """Records that the one folder made are not made again when it is split."""
    split, whole = _split(tmp_path, own), Settings(mapping_folder=SHIPPED)
    for flow in FLOWS:
        assert ConnectedFlow(flow, split).mapping_version() == ConnectedFlow(flow, whole).mapping_version()


def _split(folder: Path, own: set[Path]) -> Settings:
    for name in ("own", "base"):
        shutil.rmtree(folder / name, ignore_errors=True)
        (folder / name).mkdir(parents=True)
    copied(list(own), folder / "own")
    copied([table for table in EVERY if table not in own], folder / "base")
    return Settings(mapping_folder=folder / "own", mapping_base=folder / "base", data_folder=folder / "data")


@pytest.mark.proof
@pytest.mark.parametrize("flow", ["products_winstore_to_bc", "orders_winstore_to_bc"])
def test_however_the_tables_are_split_the_flow_maps_the_same(tmp_path: Path, flow: str) -> None:
    split, whole = _split(tmp_path, set(EVERY[::2])), Settings(mapping_folder=SHIPPED)
    connected = ConnectedFlow(flow_named(flow), split)
    assert _made(connected.compiled()) == _made(ConnectedFlow(flow_named(flow), whole).compiled())
    assert not any(each.differences for each in run_tests(connected))
    assert not any(each.differences for each in run_lookup_tests(split))


def _made(tables: CompiledTables) -> dict[str, tuple[object, ...]]:
    return {name: (each.select, each.base, each.lookups, each.reads, each.unplaced) for name, each in tables.items()}


@pytest.mark.proof
def test_however_the_tables_are_split_a_run_writes_nothing(sandboxes: Sandboxes, tmp_path: Path) -> None:
    sandboxes.fill()
    sandboxes.sync("products")
    before = sandboxes.bc()["writes"]
    split = _split(tmp_path / "split", set(EVERY[::2]))
    folders = {"mapping_folder": split.mapping_folder, "mapping_base": split.mapping_base}
    sandboxes.settings = sandboxes.settings.model_copy(update=folders)
    done = sandboxes.sync("products")
    assert (sandboxes.bc()["writes"], done.created, done.updated) == (before, 0, 0)


def test_a_table_that_neither_folder_has_is_named_with_both(base: Path, shop: Make) -> None:
    flow = shop("utrecht", CATEGORIES)
    (base / ITEM).unlink()
    with pytest.raises(MappingError) as raised:
        flow.checked()
    assert f"{ITEM} is missing: it is neither in {own_folder(flow)} nor in {base}." in str(raised.value)


def test_a_base_builds_on_no_other_one(base: Path, shop: Make) -> None:
    """Who builds on the folder of another connection gets what lies in it, and nothing of what that builds on."""
    shop("middle", CATEGORIES)
    flow = shop("utrecht", toml='mapping_base = "../middle/mapping_tables"\n')
    with pytest.raises(MappingError, match="category.csv is missing: it is neither in"):
        flow.checked()


def test_a_base_that_is_not_there_is_refused_even_if_no_table_is_needed_of_it(base: Path, shop: Make) -> None:
    """Its name may be a slip; a table of features that is left out would go unseen."""
    flow = shop("utrecht", *EVERY, toml='mapping_base = "../shard_tables"\n')
    with pytest.raises(MappingError, match="no folder .*shard_tables of shared mapping tables"):
        flow.checked()


def test_a_mapping_folder_that_the_settings_name_and_that_is_not_there_is_not_replaced_by_the_base(shop: Make) -> None:
    flow = shop("utrecht", toml='mapping_folder = "my_tabels"\n')
    with pytest.raises(MappingError, match="my_tabels/.*category.csv is missing"):
        flow.checked()


def test_a_folder_cannot_build_on_itself(shop: Make) -> None:
    with pytest.raises(ConfigurationError, match=r"winbc.toml: mapping_base is the mapping folder itself"):
        shop("utrecht", toml='mapping_base = "mapping_tables"\n')


def test_a_broken_shared_table_names_its_file_and_whom_it_stops_and_stops_no_other(base: Path, shop: Make) -> None:
    plain, other, own = shop("utrecht"), shop("zwolle"), shop("den-haag", ITEM)
    edit(base / ITEM, "unitPrice,price,", "unitPrice,prise,")
    for stopped in (plain, other):
        with pytest.raises(MappingError) as raised:
            stopped.checked()
        assert raised.value.message.startswith(f"{base / ITEM}, row ")
        assert raised.value.hint.endswith(f"A mistake in the shared table {base / ITEM} stops utrecht, zwolle.")
    assert price(own) == "price"


def test_a_broken_shared_table_of_features_is_named_where_it_lies(base: Path, shop: Make) -> None:
    flow = shop("utrecht", ITEM)
    edit(base / PRODUCTS.id / "features.csv", "\n", "\nShade,prise,field unitCost,,\n")
    with pytest.raises(MappingError) as raised:
        flow.checked()
    assert raised.value.message.startswith(f"{base / PRODUCTS.id / 'features.csv'}, row 2")


def test_a_broken_table_of_its_own_stops_its_connection_only(shop: Make) -> None:
    plain, own = shop("utrecht"), shop("den-haag", ITEM)
    edit(own_folder(own) / ITEM, "unitPrice,price,", "unitPrice,prise,")
    with pytest.raises(MappingError) as raised:
        own.checked()
    assert "den-haag" in raised.value.message and "shared" not in raised.value.hint
    assert price(plain) == "price"


@pytest.mark.parametrize(
    "toml",
    ["mapping_folder = 5\n", "mapping_base = 5\n", 'connection = 5\nmapping_base = "../shared_tables"\n'],
)
def test_wrong_settings_of_a_connection_beside_it_hide_no_mistake(base: Path, shop: Make, toml: str) -> None:
    stopped = shop("utrecht")
    other = Path("connections", "zwolle")
    other.mkdir()
    (other / "winbc.toml").write_text(toml)
    edit(base / ITEM, "unitPrice,price,", "unitPrice,prise,")
    with pytest.raises(MappingError, match=f"{ITEM}, row "):
        stopped.checked()


def test_connections_without_tables_of_their_own_are_compiled_once(shop: Make) -> None:
    plain, other, own = shop("utrecht"), shop("zwolle"), shop("den-haag", ITEM)
    assert plain.compiled() is other.compiled()
    assert plain.compiled() is not own.compiled()


def test_reset_takes_the_own_table_away_and_keeps_it_and_leaves_the_base(base: Path, shop: Make) -> None:
    tables = shop("den-haag", ITEM, CATEGORIES).settings.tables
    edit(tables.own / ITEM, "unitPrice,price,", "unitPrice,costprice,")
    edit(base / ITEM, "unitPrice,price,", "unitPrice,stock,")
    shared, own = (base / ITEM).read_bytes(), (tables.own / ITEM).read_bytes()
    assert reset(tables, ITEM.with_suffix("").as_posix(), NOW) == [ITEM]
    assert tables.is_shared(ITEM) and not tables.is_shared(CATEGORIES)
    assert (base / ITEM).read_bytes() == shared
    assert [path.read_bytes() for path in tables.own.glob("kept/*/*/item.csv")] == [own]


def test_reset_gives_the_shipped_table_where_the_base_has_none(base: Path, shop: Make) -> None:
    tables = shop("den-haag", ITEM).settings.tables
    (base / ITEM).unlink()
    edit(tables.own / ITEM, "unitPrice,price,", "unitPrice,costprice,")
    assert reset(tables, ITEM.as_posix(), NOW) == [ITEM]
    assert (tables.own / ITEM).read_bytes() == (SHIPPED / ITEM).read_bytes()


def test_what_differs_from_the_shipped_tables_and_from_the_base(base: Path, shop: Make) -> None:
    tables = shop("den-haag", ITEM).settings.tables
    edit(base / CATEGORIES, "\n", "\nShoes,SHOES,\n")
    edit(tables.own / ITEM, "unitPrice,price,", "unitPrice,costprice,")
    assert {(each.table, each.row) for each in differences(tables)} == {
        (str(ITEM), "unitPrice"),
        (str(CATEGORIES), "Shoes"),
    }
    (found,) = differences_from_base(tables)
    assert (found.table, found.row, found.shipped, found.yours) == (str(ITEM), "unitPrice", "price", "costprice")


def test_what_the_set_up_asks_goes_into_tables_of_the_connections_own(base: Path, shop: Make) -> None:
    tables = shop("utrecht").settings.tables
    before = {path: path.read_bytes() for path in base.rglob("*.csv")}
    put_rows(tables, "tax_groups", {"21": "HIGH"})
    assert present_rows(tables, "tax_groups")["21"] == "HIGH"
    assert not tables.is_shared("lookups/tax_groups.csv") and tables.is_shared(ITEM)
    assert {path: path.read_bytes() for path in base.rglob("*.csv")} == before


def test_a_lookup_table_is_not_begun_anew_while_the_shared_folder_is_away(
    base: Path, shop: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would hide all rows of the shared one, once that is back."""
    flow = shop("utrecht")
    monkeypatch.setattr("winbc_pipeline.workbench.tables.new_lookup.values_seen", lambda *_: [("Shoes", 1)])
    base.rename(base.with_name("away"))
    with pytest.raises(MappingError, match="There is no folder"):
        new_lookup(flow, "categories", "category")
    assert not own_folder(flow).exists()


@pytest.mark.files
def test_commands_that_pass_say_when_the_shared_folder_is_away(
    base: Path, shop: Make, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = shop("utrecht").settings.folder
    base.rename(base.with_name("away"))
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.chdir(home)
    code, told = run(monkeypatch, capsys, "mapping", "test")
    assert code and "There is no folder" in told, "no test has passed"
    code, told = run(monkeypatch, capsys, "backup")
    assert not code and f"There is no folder {base}" in told, "the databases are saved"


def test_commands_say_where_each_table_comes_from_and_give_a_copy(
    base: Path, shop: Make, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = shop("den-haag", ITEM).settings.folder
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.chdir(home)
    listed = run(monkeypatch, capsys, "mapping", "edit", "products_winstore_to_bc")[1]
    assert "own mapping_tables/products_winstore_to_bc/item.csv" in listed
    assert f"shared {base}/products_winstore_to_bc/category.csv" in listed
    assert f"shared {base}/lookups/units.csv" in listed
    run(monkeypatch, capsys, "mapping", "edit", "lookups/units")
    assert Path("mapping_tables/lookups/units.csv").read_bytes() == (base / "lookups/units.csv").read_bytes()
    assert [path.name for path in Path("mapping_tables/lookups").iterdir()] == ["units.csv"]
    assert "as shared: lookups/units.csv" in run(monkeypatch, capsys, "mapping", "reset", "lookups/units")[1]
    assert "All tables are as shipped." in run(monkeypatch, capsys, "mapping", "diff")[1]
    edit(Path("mapping_tables") / ITEM, "unitPrice,price,", "unitPrice,costprice,")
    edit(base / CATEGORIES, "\n", "\nShoes,SHOES,\n")
    told = run(monkeypatch, capsys, "mapping", "diff")[1]
    assert "price │ costprice │ own" in told and "SHOES" not in told.partition("Own tables")[2]
    assert "the row │ shared" in told


def test_the_own_folder_may_be_missing(shop: Make) -> None:
    flow = shop("utrecht")
    assert flow.settings.tables == Tables(own_folder(flow), flow.settings.mapping_base)
    assert price(flow) == "price" and not own_folder(flow).exists()
