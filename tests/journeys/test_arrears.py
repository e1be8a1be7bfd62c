"""On a running platform, through the gateway: what is due of a notice goes from service to service by the broker."""

import asyncio
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from deploy.local.platform import local_platform
from kit.calendar import today
from tests.journeys.test_application_fee import NEW_ACCOUNT, Journey, Json, taken, within

NOTICES, WORKER = "/services/v1/arrears-notices", "svc_services.worker"


class Debt:
    """A company's one bill, and its notice about it."""

    def __init__(self, journey: Journey) -> None:
        self.system = journey.system
        self.token = str(self.system.token(self.system.key))
        bill = {
            "bill_number": "ARREARS-1",
            "account_number": NEW_ACCOUNT,
            "period": f"{today() - timedelta(days=70):%Y-%m}",
            "usage": "10",
            "amount_fen": 4_200,
            "due_date": str(today() - timedelta(days=40)),
        }
        pushed = within(lambda: self._call("POST", "/payments/v1/bills", bills=[bill]).get("bills"))
        self.bill_id = pushed[0]["bill_id"]
        deadline = str(today() + timedelta(days=15))
        asked = {"account_number": NEW_ACCOUNT, "bill_numbers": ["ARREARS-1"], "amount_fen": 4_200}
        self.path = f"{NOTICES}/{self._call('POST', NOTICES, deadline=deadline, **asked)['notice_id']}"

    def _call(self, method: str, path: str, **content: Any) -> Json:  # noqa: ANN401 - JSON
        answer: Json = self.system.call(self.token, method, path, **content).json()
        return answer

    def shown(self) -> Json:
        return taken(self.system.call(self.token, "GET", self.path))

    def void(self) -> None:
        taken(self.system.call(self.token, "POST", f"/payments/v1/bills/{self.bill_id}/void", reason="billing_error"))


@pytest.mark.timeout(400)
async def test_a_bill_that_is_no_longer_due_ends_its_notice_although_the_worker_was_killed() -> None:
    with TemporaryDirectory(prefix="myili-arrears-") as data:
        async with local_platform(Path(data), durable=False) as platform:
            with Journey.on(platform, Path(data)) as journey:
                debt = await asyncio.to_thread(Debt, journey)
                assert await asyncio.to_thread(within, lambda: debt.shown()["outstanding_fen"]) == 4_200
                await platform.kill(WORKER)
                await asyncio.to_thread(debt.void)
                assert debt.shown()["status"] == "open"
                await platform.start(WORKER)
                over = await asyncio.to_thread(within, lambda: debt.shown()["steps"][1:])
                assert [(each["action"], each["explanation"]) for each in over] == [("settle", "nothing_due")]
