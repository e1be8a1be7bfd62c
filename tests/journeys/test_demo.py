"""The demo is the longest journey: the whole story, with real processes, through the gateway."""

import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from tests.journeys.demo.new_holder import last_day_of_holder

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(600)
def test_the_demo_tells_its_story_on_a_platform_of_its_own(tmp_path: Path) -> None:
    # A data folder of its own: a platform that happens to run on the default one is not ours to play on.
    demo = subprocess.run(
        [sys.executable, "-m", "tests.journeys.demo"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "MYILI_DATA": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert demo.returncode == 0, demo.stdout[-4000:] + demo.stderr[-4000:]
    assert demo.stdout.splitlines()[-1].startswith("demo: ")


@pytest.mark.parametrize(
    ("today", "last_day"),
    [
        ("2026-11-30", "2026-11-29"),
        ("2026-12-01", "2026-12-01"),
        ("2026-12-31", "2026-12-30"),
        ("2028-02-28", "2028-02-28"),
        ("2028-02-29", "2028-02-28"),
    ],
)
def test_the_account_changes_hands_before_its_month_is_over(today: str, last_day: str) -> None:
    assert last_day_of_holder(date.fromisoformat(today)) == date.fromisoformat(last_day)
