"""A shop whose articles have pictures, and the items of Business Central beside it."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from winbc_pipeline.sandbox.control import timestamp
from winbc_pipeline.sandbox.setup_data import COMPANY_ID
from winbc_pipeline.settings import ProductSettings
from winbc_pipeline.sync import crash_points
from winbc_pipeline.sync.plan_table import planned_rows
from winbc_pipeline.sync.run import dry_run
from winbc_pipeline.workbench.intervention import Request, intervention

from ..in_process import Killed, in_process
from ..order_flow import settings_of_order_flow
from ..order_sandboxes import BC, WINSTORE
from .product_shop import ProductShop

READ, WRITTEN = "GetArticlePicture", "pictureContent"


class PicturedShop(ProductShop):
    """Articles of one SKU each, `S1` of article 1. Each edit happens a second after the one before."""

    def chooses_pictures(self, **chosen: Any) -> None:
        self.settings = self.settings.model_copy(update={"products": ProductSettings(**chosen)})

    def picture(self, key: str, content: bytes) -> None:
        """A user of Winstore gives an article a picture, which gets a name of its own; an empty one takes it away."""
        self.pass_time(1)
        body = {"artkey": key, "content": base64.b64encode(content).decode()}
        self._control(WINSTORE, "picture", body)

    def broken_picture(self, key: str, content: bytes) -> None:
        """Winstore comes to give something else as the picture that it names."""
        self.winstore_app.state.records.store_blob(f"articles/{key}", content)

    def named(self, key: str, name: str) -> None:
        """The picture of an article gets another name, or is one at an address."""
        self.pass_time(1)
        self.edited(key, picture=name)

    def edited(self, key: str, **fields: Any) -> None:
        """A user of Winstore changes an article, also the titles of its variants with its name."""
        known = dict(self.winstore_app.state.records.get("articles", key))
        if "name" in fields:
            known["variants"] = [row | {"title": fields["name"]} for row in known["variants"]]
        self.winstore_app.state.records.replace("articles", key, known | fields | {"modified": timestamp(self.now)})

    def replays(self, *keys: str) -> None:
        """A person plans records again, as with `winbc replay`, and sends them."""
        self.decides("map", *keys)

    def decides(self, how: str, *keys: str) -> None:
        """A person decides about records, as with `winbc resolve`."""
        request = Request(how, keys)  # type: ignore[arg-type]
        with intervention(self.connected, "by hand") as turn:
            turn.carry_out(request, turn.proposed(request))

    def variant_picture(self, key: str, name: str) -> None:
        """Winstore comes to give a picture with each variant of an article."""
        variants = self.winstore_app.state.records.get("articles", key)["variants"]
        self.edited(key, variants=[row | {"picture": name} for row in variants])

    def picture_in_bc(self, number: str) -> bytes:
        """The picture that an item has; empty without one."""
        return bytes(self.bc_app.state.records.blob(self.item(number)["id"]))

    def person_pictures(self, number: str, content: bytes) -> None:
        """A person gives an item a picture in Business Central."""
        self.pass_time(1)
        faults = self._control(BC, "faults")["faults"]
        self.fault(BC)
        url = f"http://127.0.0.1:{BC}/BC/api/v2.0/companies({COMPANY_ID})/items({self.item(number)['id']})"
        answer = self.http.patch(f"{url}/picture/pictureContent", content=content, headers={"If-Match": "*"})
        assert answer.status_code == 204, answer.text
        self.fault(BC, *faults)

    def planned_pictures(self) -> dict[str, tuple[str, str | None]]:
        """Action and reason of each picture, by its key."""
        work = self.work()
        dry_run(work)
        return {row["key"]: (row["action"], row["reason"]) for row in planned_rows(work, "picture")}

    def of_picture(self, key: str = "S1") -> tuple[str, str | None]:
        row = self.row(key, "picture")
        return row["state"], row["reason"]

    def of_item(self, key: str = "S1") -> tuple[str, str | None]:
        row = self.row(key, "item")
        return row["state"], row["reason"]

    def called(self, port: int, name: str, method: str | None = None) -> int:
        """How often a call was made so far."""
        found = [each for each in self.calls(port) if name in each["path"]]
        return len([each for each in found if method in (None, each["method"])])

    def uploads(self) -> int:
        """How many pictures were sent so far."""
        return self.called(BC, WRITTEN, "PATCH")

    def readings(self) -> int:
        """How often Winstore was asked for a picture."""
        return self.called(WINSTORE, READ)

    def dies_in_run(self, point: str, times: int = 1) -> bool:
        """A run that dies when it comes to a named place for the nth time; whether it came there."""
        crash_points.armed[point] = times
        try:
            self.run()
        except Killed:
            return True
        finally:
            crash_points.armed.clear()
        return False


@contextmanager
def open_pictured_shop(folder: Path) -> Iterator[PicturedShop]:
    """One article that was sent without a picture, until the block ends."""
    shop = PicturedShop(settings_of_order_flow(folder))
    try:
        with in_process(shop.wire, shop.moment, shop.pass_time):
            shop.article("1", "S1")
            shop.run()
            yield shop
    finally:
        shop.close()


@pytest.fixture
def pictured_shop(tmp_path: Path) -> Iterator[PicturedShop]:
    with open_pictured_shop(tmp_path) as shop:
        yield shop
