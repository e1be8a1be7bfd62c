"""The gateway's settings from its environment."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, PositiveFloat, PositiveInt

from chassis.settings import ProcessSettings
from gateway.upstream import Limits, address_of

_REPOSITORY = Path(__file__).parent.parent


def _is_plain_http(url: str) -> str:
    address_of(url)
    return url


ServiceUrl = Annotated[str, AfterValidator(_is_plain_http)]


class GatewaySettings(ProcessSettings):
    """Addresses and contracts of the services, and timeouts."""

    identity_url: ServiceUrl
    services_url: ServiceUrl
    payments_url: ServiceUrl
    miniapps_url: ServiceUrl

    contracts: Path = _REPOSITORY / "contracts" / "openapi"
    """The folder of the `<service>.v1.json` contracts, used for routing and shown at /docs."""
    max_body_bytes: PositiveInt = 1024 * 1024
    """For operations without `x-max-body-bytes` in their contract."""
    answer_seconds: PositiveFloat = 30.0
    """How long a service may make no progress, for operations without `x-timeout-seconds` in their contract."""
    connect_seconds: PositiveFloat = 3.0
    client_seconds: PositiveFloat = 30.0
    """How long a client may pause in the middle of a body."""
    upstream_connections: PositiveInt = 200
    """Concurrent requests to one service; further ones queue, and are refused after `connect_seconds`."""

    @property
    def service_urls(self) -> dict[str, str]:
        return {
            "identity": self.identity_url,
            "services": self.services_url,
            "payments": self.payments_url,
            "miniapps": self.miniapps_url,
        }

    @property
    def limits(self) -> Limits:
        return Limits(connect_seconds=self.connect_seconds, connections=self.upstream_connections)
