"""start: seconds from `make run` to a ready platform, with the environment installed.

Value: a start on a data folder that exists, as on any day but the first; the first start, with its initdb and
migrations, is in the detail. Baseline: the stores alone, PostgreSQL and the broker, which no start can be quicker than.
"""

import os
import signal
import subprocess
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from deploy.local.broker import running_broker
from deploy.local.platform import free_base_port
from deploy.local.postgres import running_postgres
from tests.bench.report import report

ROUNDS = 5
GOAL = "at most 8 s"
_ROOT = Path(__file__).resolve().parents[2]


def seconds_to_ready(data: Path) -> float:
    """Run `make run`, and stop it as soon as it reports that it is ready."""
    chosen = {"MYILI_DATA": str(data), "MYILI_PORT": str(free_base_port())}
    started = time.perf_counter()
    run = subprocess.Popen(
        ["make", "run"],  # noqa: S607 - the command of the README
        cwd=_ROOT,
        env={**os.environ, **chosen},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert run.stdout is not None
    ready = any("is ready after" in line for line in run.stdout)
    seconds = time.perf_counter() - started
    os.killpg(run.pid, signal.SIGINT)
    run.communicate()
    if not ready:
        raise SystemExit(f"`make run` did not become ready; its logs are in {data}.")
    return seconds


def seconds_of_stores(folder: Path) -> float:
    started = time.perf_counter()
    with running_broker(), running_postgres(folder):
        return time.perf_counter() - started


def main() -> None:
    with TemporaryDirectory(prefix="myili-bench-") as folder:
        data, stores = Path(folder) / "data", Path(folder) / "stores"
        first = seconds_to_ready(data)
        seconds_of_stores(stores)
        rounds = [(seconds_to_ready(data), seconds_of_stores(stores)) for _ in range(ROUNDS)]
    platform, baseline = (median(each) for each in zip(*rounds, strict=True))
    detail = {"goal": GOAL, "first_start": round(first, 2), "rounds": ROUNDS}
    report("start", platform, baseline, "s", detail)


if __name__ == "__main__":
    main()
