"""Search longer than the test does, on a platform of its own."""

import argparse
import asyncio
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from deploy.local.platform import local_platform
from tests.journeys.every_operation.search import searched


async def _search(examples: int) -> int:
    with TemporaryDirectory(prefix="myili-search-") as data:
        async with local_platform(Path(data), durable=False, say=print) as platform:
            search = await asyncio.to_thread(searched, platform, Path(data), examples, print)
    print(search.report())
    print(f"{search.statuses.total():,} calls, {len(search.faults)} kinds of faults")
    return 1 if search.faults else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.journeys.every_operation", description=__doc__)
    parser.add_argument("--examples", type=int, default=20, help="cases for each operation, of each of two kinds")
    sys.exit(asyncio.run(_search(parser.parse_args().examples)))
