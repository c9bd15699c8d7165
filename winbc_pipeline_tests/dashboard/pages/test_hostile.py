"""Records whose names try to be something else: nothing of them runs, in a page or in a spreadsheet.

Source: docs/dashboard.md (Activity); OWASP on CSV injection and on cross-site scripting.
"""

from winbc_pipeline.flows.orders import ORDERS_TO_BC

from .conftest import HOSTILE, Shown

STORY = f"/activity/{ORDERS_TO_BC.id}"


def test_no_cell_of_the_export_begins_as_a_formula(shown: Shown) -> None:
    shown.orders.order("=1+1")
    shown.run()
    text = shown.browser().get("/activity.csv").text
    assert "'=1+1" in text and ",=1+1" not in text


def test_names_that_try_to_be_html_are_escaped(shown: Shown) -> None:
    shown.orders.order(HOSTILE)
    shown.run()
    client = shown.browser()
    for text in (client.get("/activity").text, client.get(f"{STORY}/{HOSTILE}").text, client.get("/overview").text):
        assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in client.get("/activity").text
