"""Long loops, run by `make soak`: whatever is killed or lost on the way, each record arrives exactly once."""

import random
import time

import pytest

from ..support.sandboxes import Sandboxes, start_sync

pytestmark = pytest.mark.soak
ROUNDS, RECORDS = 6, 120
FAULTS = (
    {"kind": "drop_after", "path": "$batch"},
    {"kind": "status_after", "status": 504, "path": "$batch"},
    {"kind": "status", "status": 503, "path": "$batch", "times": 3},
    {"kind": "html", "probability": 0.3},
    {"kind": "truncate", "path": "$batch"},
)
SLOW = {"kind": "slow", "path": "$batch", "seconds": 0.1, "times": 99}  # so that a kill finds the push at work


def writes(sandboxes: Sandboxes) -> int:
    return len(sandboxes.bc()["writes"])


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("flow", ["customers", "products"])
def test_random_kills_and_faults_lose_nothing_and_send_nothing_twice(
    sandboxes: Sandboxes, flow: str, seed: int
) -> None:
    chance = random.Random(seed)
    sandboxes.fill(
        customers=[{"customer_id": f"{n:06d}", "email": f"{n}@mail.example"} for n in range(RECORDS)],
        articles=[{"sku": f"S{n:04d}", "article_key": str(n)} for n in range(RECORDS)],
    )
    done, worked = 0, 0
    for number in range(ROUNDS):
        sandboxes.fault("bc", *(chance.choice(FAULTS) for _ in range(chance.randrange(3))), SLOW)
        process = start_sync(sandboxes, flow, f"round-{number}")
        wanted, ends = done + chance.randrange(1, 60), time.monotonic() + 8
        while writes(sandboxes) < wanted and process.is_alive() and time.monotonic() < ends:
            pass
        time.sleep(chance.uniform(0, 0.3))
        process.kill()
        process.join()
        done, before = writes(sandboxes), done
        worked += done > before

    assert worked >= 2, "runs were killed in the middle of their work"
    sandboxes.fault("bc")
    assert sandboxes.sync(flow).failed == 0

    rows = sandboxes.bc()["records"]["customers" if flow == "customers" else "items"]
    numbers = [row["number"] for row in rows]
    assert len(numbers) == len(set(numbers)) == RECORDS
    assert sandboxes.sync(flow).created == 0
