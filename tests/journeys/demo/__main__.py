"""`make demo`: uses the platform that runs on the data folder, or starts one of its own on other ports."""

import argparse
import asyncio
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from contracts.reference_provider.client import PlatformError
from deploy.local.errors import CannotStart
from deploy.local.platform import Addresses, local_platform, running_platform
from deploy.local.settings import load
from tests.journeys.demo import story
from tests.journeys.demo.narrator import Narrator, Surprise
from tests.journeys.demo.stage import set_stage

ROWS = 100_000


def play(platform: Addresses, rows: int) -> Narrator:
    """Run the demo once on a running platform.

    Raises:
        Surprise: at the first unexpected answer.
    """
    narrator = Narrator()
    with TemporaryDirectory(prefix="myili-demo-") as folder, set_stage(narrator, platform, Path(folder), rows) as stage:
        story.play(stage)
    return narrator


async def play_on_scratch_platform(rows: int) -> Narrator:
    with TemporaryDirectory(prefix="myili-scratch-") as data:
        async with local_platform(Path(data), say=print) as platform:
            return await asyncio.to_thread(play, platform, rows)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS, help="rows of each bill file")
    rows = parser.parse_args().rows
    try:
        running = running_platform(load().data)
        if running:
            print(f"The demo uses the platform that runs at {running.public_url}.")
            narrator = play(running, rows)
        else:
            print("No platform runs here: one is started for the demo, in a scratch folder, on other ports.")
            narrator = asyncio.run(play_on_scratch_platform(rows))
    except (Surprise, PlatformError, CannotStart, httpx.HTTPError) as surprise:
        print(f"\ndemo: stopped at a surprise. {surprise}", file=sys.stderr)
        return 1
    except (LookupError, TypeError) as error:
        print(f"\ndemo: stopped at a surprise. An answer differs from its contract: {error!r}", file=sys.stderr)
        return 1
    print(f"\n{narrator.closing_line()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
