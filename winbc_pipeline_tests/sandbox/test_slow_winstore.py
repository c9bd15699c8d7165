"""A Winstore of many SKUs that gives few articles at a time, as docs/sandbox.md promises it."""

import time
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from winbc_pipeline.cli.main import app
from winbc_pipeline.sandbox.retail import read_folder
from winbc_pipeline.sandbox.server import running
from winbc_pipeline.sandbox.volume import articles
from winbc_pipeline.sandbox.winstore import BASE, ShopOptions, create_app

UNTIL = datetime(2026, 3, 1, tzinfo=UTC)
CHANGES = f"{BASE}/GetArticleDataChangesByDate?date=2020-01-01T00:00:00Z"


def test_each_call_takes_its_time() -> None:
    with running(create_app(None, ShopOptions(call_s=0.05))) as url:
        began = time.monotonic()
        assert httpx.get(url + CHANGES, auth=("winstore", "sandbox-secret")).status_code == 200
        assert time.monotonic() - began >= 0.05


def test_each_article_has_all_its_skus_and_they_changed_one_after_the_other() -> None:
    rows = articles(20, 30, UNTIL)
    assert len({row["sku"] for row in rows}) == len({row["gtin"] for row in rows}) == 600
    assert len({(row["article_key"], row["color"], row["size"]) for row in rows}) == 600
    moments = [row["modified_at"] for row in rows]
    assert moments == sorted(moments)
    assert len(set(moments)) == 20
    assert moments[-1] == "2026-03-01T00:00:00.000Z"


def test_the_same_seed_gives_the_same_articles() -> None:
    assert articles(20, 3, UNTIL, seed=1) == articles(20, 3, UNTIL, seed=1) != articles(20, 3, UNTIL, seed=2)


def test_the_command_writes_such_a_shop(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["sandbox", "generate", str(tmp_path), "--articles", "4", "--skus", "5"])
    assert done.exit_code == 0
    assert [len(article["variants"]) for article in read_folder(tmp_path)["articles"]] == [5] * 4


@pytest.mark.parametrize("other", ["--strange", "--orders=5"])
def test_such_a_shop_has_no_orders_and_nothing_odd(tmp_path: Path, other: str) -> None:
    assert CliRunner().invoke(app, ["sandbox", "generate", str(tmp_path), "--skus", "5", other]).exit_code == 2
