"""`winbc mapping …`: what a key user sees; nothing is written to the target."""

import io
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from winbc_pipeline import audit
from winbc_pipeline.cli.main import main
from winbc_pipeline.flows import PRODUCTS, flow_named
from winbc_pipeline.mapping.tables import read_lookup
from winbc_pipeline.settings import Settings
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.reading.stage import stage
from winbc_pipeline.sync.work import Work

from ..support.sandboxes import FIRST, LAST, Sandboxes

SKU, MORE = {"sku": "SKU-1"}, {"sku": "SKU-2", "article_key": "2", "name": "Lamp"}


class Desk:
    """A connection with its own mapping folder, two articles in step."""

    def __init__(
        self, sandboxes: Sandboxes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.sandboxes, self.monkeypatch, self.capsys = sandboxes, monkeypatch, capsys
        sandboxes.fill(articles=[SKU, MORE])
        sandboxes.sync("products")  # by the shipped tables, which are compiled once for all tests
        self.folder = sandboxes.own_tables()
        for name in ("data_folder", "mapping_folder", "history_start"):
            monkeypatch.setenv(f"WINBC_{name.upper()}", str(getattr(sandboxes.settings, name)))
        monkeypatch.setenv("COLUMNS", "200")

    def edit(self, old: str, new: str, table: str = "products_winstore_to_bc/item.csv") -> None:
        path = self.folder / table
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    def run(self, *arguments: str) -> tuple[int, str]:
        """Exit code and printed words; nothing may reach the target."""
        before = len(self.sandboxes.bc()["writes"])
        self.monkeypatch.setattr(sys, "argv", ["winbc", "mapping", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        assert len(self.sandboxes.bc()["writes"]) == before
        captured = self.capsys.readouterr()
        return int(ended.value.code or 0), " ".join((captured.out + captured.err).split())


@pytest.fixture
def desk(sandboxes: Sandboxes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(sandboxes, monkeypatch, capsys)


def test_validate_names_the_wrong_row_and_checks_the_others(desk: Desk) -> None:
    assert desk.run("validate")[0] == 0
    desk.edit("unitPrice,price", "unitPrice,prise")
    code, printed = desk.run("validate")
    assert code == 2
    assert "item.csv, row 8, column source: the source has no field `prise`. Did you mean price?" in printed
    assert "is added under `[reads.articles.fields]` of a profile of your own (`winstore.profile`" in printed
    assert "ok customers_winstore_to_bc" in printed


def test_preview_shows_source_steps_result_and_the_targets_present_value(desk: Desk) -> None:
    desk.edit("unitPrice,price", 'unitPrice,"round(price * 2, 1)"')
    _, printed = desk.run("preview", "products", "--key", "SKU-1")
    for shown in ("price = 18.5", "price * 2 = 37", "round(price * 2, 1) = 37", "PATCH items(", "│ 18.5"):
        assert shown in printed


def test_preview_of_a_sample_shows_broken_rules(desk: Desk) -> None:
    desk.edit(
        'displayName,"coalesce(title, join_name(name, color, size))"', 'displayName,"concat(name, zero_pad(sku, 200))"'
    )
    _, printed = desk.run("preview", "products", "--sample", "2")
    assert "item SKU-1" in printed
    assert "item SKU-2" in printed
    assert "displayName: longer than 100 characters, given a text of 203 characters (row 3)" in printed


def test_preview_in_a_narrow_terminal_cuts_nothing(desk: Desk) -> None:
    desk.monkeypatch.setenv("COLUMNS", "60")
    assert "…" not in desk.run("preview", "products", "--key", "SKU-1")[1]


def test_preview_shows_booleans_as_they_are_sent(desk: Desk) -> None:
    _, printed = desk.run("preview", "products", "--key", "SKU-1")
    _, row = printed.split("│ blocked ")
    assert row.split("│")[3:5] == [" false ", " false "]


def test_preview_of_a_record_that_breaks_a_rule_still_shows_what_the_target_has(desk: Desk) -> None:
    desk.edit("gtin,gtin", "gtin,concat('x' || gtin || sku)")
    _, printed = desk.run("preview", "products", "--key", "SKU-1")
    assert "gtin: longer than 14" in printed
    assert "│ 0100537900016 │" in printed


def test_a_contact_is_not_shown_as_sent_when_its_customer_fails(desk: Desk) -> None:
    desk.sandboxes.fill(customers=[{"company_name": "Klein BV", "country_iso": "XX"}])
    stage(ConnectedFlow(flow_named("customers"), desk.sandboxes.settings), FIRST)
    _, printed = desk.run("preview", "customers", "--key", "000123")
    assert "Request: none: its customer is not in the target, and would not be made" in printed
    assert "POST contacts" not in printed


def test_a_contact_is_shown_as_sent_when_its_customer_is_made(desk: Desk) -> None:
    desk.sandboxes.fill(customers=[{"company_name": "Klein BV"}])
    stage(ConnectedFlow(flow_named("customers"), desk.sandboxes.settings), FIRST)
    assert "Request: POST contacts" in desk.run("preview", "customers", "--sample", "1")[1]


@pytest.mark.proof
def test_values_of_persons_are_shown_on_request_alone_which_is_noted(desk: Desk) -> None:
    """Source: docs/privacy.md, who did what."""
    desk.sandboxes.fill(customers=[{"company_name": "Klein BV"}])
    stage(ConnectedFlow(flow_named("customers"), desk.sandboxes.settings), FIRST)
    masked = desk.run("preview", "customers", "--key", "000123")[1]
    explained = desk.run("explain", "customers", "000123", "displayName")[1]
    assert "Klein BV" not in masked + explained and "•••" in masked and "•••" in explained
    assert "WS000123" in masked and list(audit.entries(desk.sandboxes.settings)) == []
    assert "Klein BV" in desk.run("explain", "customers", "000123", "displayName", "--show-people")[1]
    assert [entry.act for entry in audit.entries(desk.sandboxes.settings)] == ["show"]


def test_explain_of_a_field_that_no_table_fills_says_so_and_suggests(desk: Desk) -> None:
    desk.monkeypatch.setenv("COLUMNS", "400")
    code, printed = desk.run("explain", "products", "SKU-1", "unitPrise")
    assert code == 2
    assert "fill no field unitPrise. Did you mean unitPrice?" in printed
    assert "not staged" not in printed


def test_what_a_terminal_would_act_on_is_written_out(desk: Desk) -> None:
    desk.sandboxes.fill(articles=[{"sku": "SKU-1", "name": "Mug\x1b[2J\u202egnp", "description": "a\u2028b"}])
    stage(ConnectedFlow(flow_named("products"), desk.sandboxes.settings), FIRST)
    printed = desk.run("preview", "products", "--key", "SKU-1")[1]
    assert "Mug\\x1b[2J\\u202egnp" in printed
    assert not {"\x1b", "\u202e", "\u2028"} & set(printed)


def test_explain_goes_from_the_source_field_to_the_request(desk: Desk) -> None:
    desk.edit("unitPrice,price", 'unitPrice,"round(add_vat(price, vatrate), 2)"')
    _, printed = desk.run("explain", "products", "SKU-1", "unitPrice")
    path = [
        "source field price",
        "source field vatrate",
        "item.csv, row 8",
        "add_vat(price, vatrate)",
        "│ value ",
        "PATCH",
    ]
    places = [printed.index(step) for step in path]
    assert places == sorted(places)
    assert printed.rstrip(" ┘─┴└").endswith("22.39 │")


def test_a_record_that_is_not_staged_is_told(desk: Desk) -> None:
    code, printed = desk.run("explain", "products", "NONE", "unitPrice")
    assert (code, "E-UNKNOWN" in printed) == (1, True)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("unitPrice,price", "unitPrice,price", {"same": 2}),
        ("unitPrice,price", 'unitPrice,"price + 1"', {"changed": 2, "fields": {"unitPrice": 2}}),
        ("unitPrice,price,,always", "unitPrice,price,,fill_empty", {"same": 2}),
        ("unitCost,costprice,,create", "unitCost,costprice,,always", {"same": 2}),
        ("unitCost,costprice,,create", "unitCost,costprice * 2,,always", {"changed": 2, "fields": {"unitCost": 2}}),
        (
            "gtin,gtin",
            "gtin,concat('x' || gtin || sku)",
            {"broken": 2, "breaks": {"gtin: longer than 14 characters (item.csv row 7)": 2}},
        ),
    ],
)
def test_impact_counts_records_fields_and_what_would_break(
    desk: Desk, old: str, new: str, expected: dict[str, Any]
) -> None:
    from winbc_pipeline.workbench.impact import impact

    desk.edit(old, new)
    found = next(
        each for each in impact(ConnectedFlow(flow_named("products"), desk.sandboxes.settings)) if each.part == "item"
    )
    everything = {name: value for name, value in vars(found).items() if value and name != "part"}
    assert everything == expected
    assert desk.run("impact", "products")[0] == 0


EDITS = {
    "always": ("unitPrice,price,,always", 'unitPrice,"price + 1",,always'),
    "create to always": ("unitCost,costprice,,create", "unitCost,costprice,,always"),
    "create to always, another value": ("unitCost,costprice,,create", "unitCost,costprice * 2,,always"),
    "always to create": ("unitPrice,price,,always", 'unitPrice,"price + 1",,create'),
    "update": ("unitCost,costprice,,create,,", "unitCost,costprice,,create,,\nunitCost,costprice + 1,,update,,"),
    "fill_empty": ("unitCost,costprice,,create", 'unitCost,"costprice + 1",,fill_empty'),
    "new row, fill_empty": ("priceIncludesTax,false,,create", "priceIncludesTax,true,,fill_empty"),
    "new row, always": ("unitCost,costprice", "displayName2,'x',,update,,\nunitCost,costprice"),
    "never": ("unitPrice,price,,always", "unitPrice,price,,never"),
    "a constant": ('displayName,"coalesce(title, join_name(name, color, size))"', "displayName,'Article'"),
    "a setting's constant": ("blocked,new_items_blocked,,create", "blocked,not new_items_blocked,,always"),
    "breaks": ("gtin,gtin", "gtin,concat('x' || gtin || sku)"),
    "a code that is not there": ("taxGroupCode,", "taxGroupId,'NONE',,always,,\ntaxGroupCode,"),
}


@pytest.mark.proof
@pytest.mark.parametrize("edit", EDITS)
def test_an_impact_is_the_next_plan_field_by_field(desk: Desk, edit: str) -> None:
    from winbc_pipeline.sync.run import dry_run
    from winbc_pipeline.workbench.impact import impact
    from winbc_pipeline.workbench.plans import planned

    flow, settings = flow_named("products"), desk.sandboxes.settings
    desk.sandboxes.edit_item("SKU-2", unitCost=0, gtin="")
    desk.sandboxes.fill(articles=[SKU, MORE, {"sku": "SKU-3", "article_key": "3"}, {"sku": "SKU-4", "color": "red"}])
    stage(ConnectedFlow(flow, settings), FIRST)
    desk.edit(*EDITS[edit])
    found = impact(ConnectedFlow(flow, settings))

    dry_run(Work(ConnectedFlow(flow, settings), FIRST, LAST, "plan"))
    rows = list(planned(ConnectedFlow(flow, settings), FIRST, LAST))
    for part in found:
        mine = [row for row in rows if row["part"] == part.part]
        did = Counter("same" if row["reason"] == "UNCHANGED" else row["action"] for row in mine)
        updates = [json.loads(row["changes"]) for row in mine if row["action"] == "update"]
        assert part.fields == Counter(change["field"] for changes in updates for change in changes)
        counts = (part.same, part.created, part.changed, part.skipped, part.broken, part.held)
        assert counts == tuple(did[name] for name in ("same", "create", "update", "skip", "fail", "conflict"))


def test_an_impact_is_what_a_rerun_then_does(desk: Desk) -> None:
    desk.edit("unitPrice,price", "unitPrice,\"if(sku = 'SKU-1', price + 1, price)\"")
    assert "would change in 1 records" in desk.run("impact", "products")[1]
    assert desk.sandboxes.sync("products").updated == 1
    assert "would change" not in desk.run("impact", "products")[1].replace("would change ┃", "")


def test_diff_and_reset(desk: Desk) -> None:
    desk.edit("unitPrice,price", "unitPrice,costprice")
    assert "unitPrice │ source │ price │ costprice" in desk.run("diff")[1]
    assert "as shipped: products_winstore_to_bc/item.csv" in desk.run("reset", "products_winstore_to_bc")[1]
    assert "All tables are as shipped." in desk.run("diff")[1]


@pytest.mark.parametrize(("answer", "kept"), [("n\n", "costprice"), ("", "costprice"), ("y\n", "price")])
def test_reset_of_everything_lists_the_files_and_asks(desk: Desk, answer: str, kept: str) -> None:
    desk.edit("unitPrice,price", "unitPrice,costprice")
    desk.monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    assert "not as shipped: products_winstore_to_bc/item.csv" in desk.run("reset")[1]
    assert f"unitPrice,{kept}," in (desk.folder / "products_winstore_to_bc" / "item.csv").read_text(encoding="utf-8")


def test_reset_of_everything_without_being_asked(desk: Desk) -> None:
    desk.edit("unitPrice,price", "unitPrice,costprice")
    assert desk.run("reset", "--yes")[0] == 0
    assert "All tables are as shipped." in desk.run("diff")[1]


def test_a_new_lookup_has_the_values_seen_and_waits_for_yours(desk: Desk) -> None:
    assert "2 new rows" in desk.run("new-lookup", "titles", "--from-data", "products.title")[1]
    desk.edit('displayName,"coalesce(title, join_name(name, color, size))"', "displayName,\"lookup('titles', title)\"")
    assert "`Lamp` has no value yet" in desk.run("validate", "products_winstore_to_bc")[1]
    for name in ("Mug", "Lamp"):
        desk.edit(f"{name},?", f"{name},{name}!", "lookups/titles.csv")
    assert desk.run("validate", "products_winstore_to_bc")[0] == 0
    assert "nothing new" in desk.run("new-lookup", "titles", "--from-data", "products.title")[1]


def test_a_new_lookup_has_one_row_for_a_value_with_and_without_blanks_at_its_ends(desk: Desk) -> None:
    desk.sandboxes.fill(articles=[MORE | {"name": "Mug ", "modified_at": "2026-03-03T10:00:00.000Z"}])
    desk.sandboxes.sync("products")
    assert "1 new rows" in desk.run("new-lookup", "titles", "--from-data", "products.title")[1]
    desk.edit("Mug,?,seen 2 times", "Mug,M,", "lookups/titles.csv")
    desk.edit('displayName,"coalesce(title, join_name(name, color, size))"', "displayName,\"lookup('titles', title)\"")
    assert desk.run("validate", "products_winstore_to_bc")[0] == 0
    assert "lookup('titles', title) = M" in desk.run("preview", "products", "--key", "SKU-2")[1]


def test_a_new_lookup_holds_the_values_that_were_seen_less_blanks_at_their_ends(desk: Desk) -> None:
    values = ["Mug", " Mug", "Mug ", "1E5", "00123", "=cmd", "12-3", "1.50", "'x", "Käse", "a,b;c", 'q"q', "two\nlines"]
    articles = [{"sku": f"N-{n}", "article_key": f"n{n}", "name": value} for n, value in enumerate(values)]
    desk.sandboxes.fill(articles=articles)
    stage(ConnectedFlow(flow_named("products"), desk.sandboxes.settings), FIRST)
    desk.run("new-lookup", "names", "--from-data", "products.Name")
    path = desk.folder / "lookups" / "names.csv"
    path.write_text(path.read_text(encoding="utf-8-sig").replace("?,seen", "X,seen"), encoding="utf-8")
    assert read_lookup(path).items() >= dict.fromkeys(map(str.strip, values), "X").items()
    assert "nothing new" in desk.run("new-lookup", "names", "--from-data", "products.name")[1]


def test_the_value_that_means_any_other_is_left_out_of_a_new_lookup_and_told(desk: Desk) -> None:
    desk.sandboxes.fill(articles=[{"name": "*"}, MORE])
    stage(ConnectedFlow(flow_named("products"), desk.sandboxes.settings), FIRST)
    assert "The value * is left out" in desk.run("new-lookup", "names", "--from-data", "products.name")[1]
    assert "*" not in (desk.folder / "lookups" / "names.csv").read_text()


@pytest.mark.parametrize("name", ["größe", "tests", "a/b", "a b", ""])
def test_a_name_that_formulas_cannot_use_is_refused_for_a_new_lookup(desk: Desk, name: str) -> None:
    code, printed = desk.run("new-lookup", name, "--from-data", "products.title")
    assert (code, "cannot be the name of a lookup table" in printed) == (2, True)


def test_a_new_lookup_of_an_unknown_field_suggests_one(desk: Desk) -> None:
    assert "Did you mean title?" in desk.run("new-lookup", "titles", "--from-data", "products.titel")[1]


def test_functions_lists_each_with_an_example(desk: Desk) -> None:
    own = desk.folder / "own.py"
    own.write_text(
        "def double(values: list[str | None]) -> list[str | None]:\n"
        '    """Twice the text.\n\n    Example: double(\'a\') = aa\n    """\n'
        "    return [value and value * 2 for value in values]\n"
    )
    desk.monkeypatch.setenv("WINBC_MAPPING_FUNCTIONS", str(own))
    _, printed = desk.run("functions")
    assert "split_street('Van Goghlaan 12-b', 'number') = 12" in printed
    assert "double('a') = aa" in printed


def test_test_goes_red_and_says_what_was_made(desk: Desk) -> None:
    assert desk.run("test")[0] == 0
    desk.edit("unitPrice,price", "unitPrice,costprice")
    code, printed = desk.run("test", "products_winstore_to_bc")
    assert code == 1
    assert "products_winstore_to_bc, article: always item.unitPrice: expected `18.5`, made `1.1`" in printed


def test_tables_that_differ_only_in_what_a_run_does_not_read_have_one_version(desk: Desk, tmp_path: Path) -> None:
    products = ConnectedFlow(PRODUCTS, Settings(mapping_folder=desk.folder))
    before = products.mapping_version()
    (desk.folder / "products_winstore_to_bc" / "tests.csv").write_text("test,kind,field,value,note\n")
    assert products.mapping_version() == before
    desk.edit("unitPrice,price", "unitPrice,costprice")
    assert products.mapping_version() != before
