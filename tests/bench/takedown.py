"""takedown: seconds from an operator's emergency take-down to the last refusal, over four connections of the gateway.

On the embedded platform with fsync on: the catalogue, the listing and the package are gone, the mini-app's token is
refused by svc_payments and svc_identity, and the residents' app can exchange none for it. What it is compared with is
the goal; nothing plainer does the same work. The operator's second person rejects it between the rounds.
"""

import asyncio
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from deploy.local.platform import local_platform
from tests.bench.report import report
from tests.journeys.taken_down import CONNECTIONS, restored, seconds_until_gone, signed_in_mini_app

GOAL_SECONDS = 2.0


async def measured() -> list[float]:
    with TemporaryDirectory(prefix="myili-bench-") as data:
        async with local_platform(Path(data)) as platform, signed_in_mini_app(platform) as scene:
            first, take_down_id = await seconds_until_gone(scene)
            await restored(scene, take_down_id)
            # One operator does this alone once, so the other one takes the second round.
            turned = replace(scene, operator=scene.second_operator, second_operator=scene.operator)
            return [first, (await seconds_until_gone(turned))[0]]


def main() -> None:
    rounds = asyncio.run(measured())
    detail = {"goal": 1.0, "goal_seconds": GOAL_SECONDS, "connections": CONNECTIONS, "rounds": len(rounds)}
    report("takedown", median(rounds), GOAL_SECONDS, "s", detail | {"slowest": round(max(rounds), 2)})
