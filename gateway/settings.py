"""The gateway's settings from its environment."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, PositiveFloat, PositiveInt

from chassis.settings import ProcessSettings
from gateway.clients import ClientLimits
from gateway.upstream import Limits, address_of

_OTHER_FILES = 512
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
    upstream_connections: PositiveInt = 200
    """Concurrent requests to one service; further ones queue, and are refused after `connect_seconds`."""
    requests_per_address: PositiveInt = 8
    """Of `upstream_connections`, how many one client address may have; an IPv6 /64 counts as one address."""
    waiting_per_address: PositiveInt = 1024
    """Requests of one address that may queue for a turn at one service; further ones are refused at once."""
    upstream_transfers: PositiveInt = 256
    """The same for long uploads and downloads, beside them."""
    transfers_per_address: PositiveInt = 64
    """Of `upstream_transfers`, how many one client address may have; the same for requests of slow operations."""

    client_connections: PositiveInt = 4096
    """Open connections of all clients; each holds at most 64 KiB of a small request."""
    connections_per_address: PositiveInt = 1024
    half_sent_per_address: PositiveInt = 256
    """Requests of one address of which only a part has arrived; one more ends the oldest."""
    client_seconds: PositiveFloat = 30.0
    """How long a client may pause in the middle of a body."""
    client_bytes_per_second: PositiveFloat = 100.0
    """What a client must send of a head or body, and take of an answer, on average."""
    unread_seconds: PositiveFloat = 240.0
    """How long a client may take nothing of a waiting answer."""

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
        return Limits(
            connect_seconds=self.connect_seconds,
            connections=self.upstream_connections,
            requests_per_address=self.requests_per_address,
            waiting_per_address=self.waiting_per_address,
            transfers=self.upstream_transfers,
            transfers_per_address=self.transfers_per_address,
        )

    @property
    def most_files(self) -> int:
        """Open files when every limit is reached, and some more for all else."""
        services = len(self.service_urls) * (self.upstream_connections + self.upstream_transfers)
        return self.client_connections + services + _OTHER_FILES

    @property
    def client_limits(self) -> ClientLimits:
        return ClientLimits(
            connections=self.client_connections,
            connections_per_address=self.connections_per_address,
            half_sent_per_address=self.half_sent_per_address,
            client_seconds=self.client_seconds,
            unread_seconds=self.unread_seconds,
            bytes_per_second=self.client_bytes_per_second,
        )
