"""Runs a script with pgbench, as the role of a service."""

import re
import subprocess
from pathlib import Path

from sqlalchemy import make_url

from deploy.local import postgres


def transactions_per_second(database: str, script: Path, *options: str, clients: int, each: int) -> float:
    """Runs of the script per second, with `each` of them by every client; one that fails ends the benchmark."""
    url = make_url(database)
    command = [
        str(postgres.binaries() / "pgbench"),
        *("--no-vacuum", "--protocol=prepared", f"--client={clients}", "--jobs=1", f"--file={script}"),
        *(f"--transactions={each}", *options),
        *(f"--host={url.host}", f"--port={url.port}", f"--username={url.username}", str(url.database)),
    ]
    done = subprocess.run(  # noqa: S603 - our own program
        command, check=False, capture_output=True, text=True, env={"PGPASSWORD": str(url.password)}
    )
    tps = re.search(r"^tps = ([0-9.]+) \(without initial connection time\)", done.stdout, re.MULTILINE)
    if done.returncode or not tps or "number of failed transactions: 0" not in done.stdout:
        raise SystemExit(f"pgbench did not do it: {done.stderr or done.stdout}")
    return float(tps[1])
