"""Shops that nobody here has seen: legal data, odd in every way that real shops are odd, loaded whole.

A shop is made from a seed. `make proof` and CI try 30, `make soak` 500. A seed that failed once stays in REGRESSIONS.
"""

from pathlib import Path

import pytest

from ..support.order_sandboxes import BC
from ..support.strange_shops import Trial, findings, trial_of

IN_CI, IN_SOAK = range(30), range(30, 500)
WEEK_S = 7 * 86400
REGRESSIONS: dict[int, str] = {}


def assert_in_step(trial: Trial) -> None:
    """After a run: what every shop is promised; and a rerun writes nothing."""
    trial.run()
    assert findings(trial) == []
    before = trial.writes()
    trial.run()
    written = [(write["entity"], write["key"]) for write in trial.state(BC)["writes"][before:]]
    assert written == [], "a rerun wrote"
    assert findings(trial) == []


@pytest.mark.proof
@pytest.mark.parametrize("seed", [*IN_CI, *(pytest.param(seed, marks=pytest.mark.soak) for seed in IN_SOAK)])
def test_a_shop_arrives_or_says_why_not(seed: int, tables: Path, tmp_path: Path) -> None:
    with trial_of(seed, tmp_path) as trial:
        assert_in_step(trial)
        trial.pass_time(WEEK_S)
        trial.load(tmp_path / "shop" / "later")
        assert_in_step(trial)


@pytest.mark.parametrize("seed", REGRESSIONS)
def test_a_shop_that_failed_once(seed: int, tables: Path, tmp_path: Path) -> None:
    with trial_of(seed, tmp_path) as trial:
        assert_in_step(trial)
