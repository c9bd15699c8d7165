"""Drives bc-cli, unmodified, by its commands; the argument is where `bcli` is. Its environment leads to a sandbox."""

import json
import subprocess
import sys
from typing import Any

BCLI = sys.argv[1]


def run(*arguments: str, code: int = 0) -> str:
    done = subprocess.run([BCLI, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == code, f"bcli {' '.join(arguments)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def rows(*arguments: str) -> list[dict[str, Any]]:
    output = run(*arguments, "-f", "json")
    found = json.loads(output[output.index("[") if "[" in output else output.index("{") :])
    return found if isinstance(found, list) else [found]


assert "CRONUS Retail" in run("company", "list")
made = rows("post", "customers", "-d", '{"displayName": "bc-cli GmbH", "country": "DE", "type": "Person"}')[0]
assert rows("get", "customers", made["id"])[0]["displayName"] == "bc-cli GmbH"
run("patch", "customers", made["id"], "-d", '{"phoneNumber": "123"}')
chosen = ("get", "customers", "--filter", "displayName eq 'bc-cli GmbH'", "--select", "number,phoneNumber")
assert rows(*chosen)[0]["phoneNumber"] == "123"
assert len(rows("get", "paymentTerms", "--orderby", "code desc", "--top", "2")) == 2
assert [row["code"] for row in rows("get", "paymentTerms", "--orderby", "code desc", "--skip", "1")] == [
    "30 DAYS",
    "14 DAYS",
]
order = json.dumps({"customerId": made["id"], "salesOrderLines": [{"description": "A comment"}]})
number = rows("post", "salesOrders", "-d", order)[0]["number"]
expanded = rows("get", "salesOrders", "--expand", "salesOrderLines", "--filter", f"number eq '{number}'")[0]
assert expanded["salesOrderLines"][0]["description"] == "A comment"
invoice = rows("post", "salesInvoices", "-d", json.dumps({"customerId": made["id"]}))[0]
refusal = run("action", "salesInvoices", invoice["id"], "post", "--yes", code=1)
assert "add at least one line item" in " ".join(refusal.split()), refusal
refusal = run("delete", "customers", made["id"], "--yes", code=1)
assert "outstanding Sales" in " ".join(refusal.split()), refusal
assert "nosuch" in run("get", "customers", "--filter", "nosuch eq 1", code=1)
assert "sandbox" in run("env", "list")
print("bc-cli: companies, create, read, change, filter, order, expand, action, refusals, environments")
