"""A company's endpoint that receives deliveries."""

from dataclasses import dataclass

import httpx

from kit.deliveries import Carrier, Letter, Outcome
from svc_services.providers.deliveries.leasing import Try
from svc_services.providers.deliveries.letters import letter


@dataclass(frozen=True)
class HttpReceiver(Carrier):
    """`POST {endpoint_url}/deliveries`."""

    async def deliver(self, client: httpx.AsyncClient, each: Try) -> Outcome:
        """Send a delivery once. Failures are faults of the outcome, not exceptions."""
        delivery, url = each.delivery, f"{each.endpoint_url}/deliveries"
        return await self.send(client, Letter(str(delivery.provider_id), url, letter(delivery)))
