"""On a running platform, through the gateway: a take-down stops every catalogue and every token within five seconds."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from deploy.local.platform import local_platform
from tests.journeys.taken_down import ALL, restored, seconds_until_gone, signed_in_mini_app, stands

WITHIN = 5.0


@pytest.mark.timeout(300)
async def test_an_emergency_stops_catalogues_and_tokens_within_five_seconds_and_its_rejection_resumes_them() -> None:
    # Not below pytest's folder: PostgreSQL, which refuses to run as root, is another user there.
    with TemporaryDirectory(prefix="myili-taken-down-") as data:
        async with local_platform(Path(data), durable=False) as platform, signed_in_mini_app(platform) as scene:
            assert await stands(scene) == ALL
            seconds, take_down_id = await seconds_until_gone(scene)
            print(f"{seconds:.2f} s")
            assert seconds < WITHIN
            await restored(scene, take_down_id)
