"""Checks a package: megabytes a second, against `unzip -t` and SHA-256 of the same file by this machine's tools."""

import hashlib
import io
import random
import subprocess
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

from svc_miniapps.packages.checks.inspection import Sound, check
from svc_miniapps.packages.checks.manifest import Expected
from tests.bench.report import report
from tests.svc_miniapps.sample_packages import Package, manifest_for

GOAL = 0.3
ROUNDS = 5
PICTURES, PICTURE_BYTES = 90, 200_000
SCRIPT = b"function show(list) {\n  return list.map((each) => ({ name: each.name, free: each.free + 1 }));\n}\n"
SCRIPTS, SCRIPT_REPEATS = 20, 40
_MEGABYTE = 1_000_000


def package() -> bytes:
    """18 MB of pictures and 80 KB of scripts in 20 pages, as an app with photographs has."""
    chance = random.Random(654002)  # noqa: S311 - the same package in every run
    made = Package(manifest_for("01a20290-3f5d-70d7-a909-3143a941de7c", "停车泊位"))
    for place in range(PICTURES):
        made.files[f"common/{place}.jpg"] = b"\xff\xd8\xff\xe0" + chance.randbytes(PICTURE_BYTES)
    for place in range(SCRIPTS):
        made.files[f"pages/detail/{place}.js"] = SCRIPT * SCRIPT_REPEATS
    return made.packed(zipfile.ZIP_DEFLATED)


def _best(work: Callable[[], object]) -> float:
    """Seconds of the quickest of some rounds: others use this machine too."""
    seconds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def main() -> None:
    content = package()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "package.ma"
        file.write_bytes(content)

        def checked() -> None:
            with file.open("rb") as opened:
                hashlib.file_digest(opened, "sha256")
                outcome = check(opened, Expected())
            if not isinstance(outcome, Sound):
                raise TypeError(outcome)

        def plain() -> None:
            subprocess.run(["unzip", "-tqq", str(file)], check=True)  # noqa: S603, S607 - the tool of this machine
            with file.open("rb") as opened:
                hashlib.file_digest(opened, "sha256")

        ours, baseline = _best(checked), _best(plain)
        refused = _best(lambda: check(io.BytesIO(content[:-30]), Expected()))
    megabytes = len(content) / _MEGABYTE
    detail = {"goal": GOAL, "megabytes": round(megabytes, 1), "refused_early_ms": round(refused * 1000, 2)}
    report("packages", megabytes / ours, megabytes / baseline, "MB/s", detail)


if __name__ == "__main__":
    main()
