"""What the security log says of tokens. The client learns less: OAuth has few words for refusals."""

from dataclasses import dataclass, field

from chassis.telemetry import SecurityEvent

AUTHORIZATION_REFUSED = SecurityEvent("authorization_refused")
"""An app may not ask for what it asks for, such as to send people to an address that is not its own."""
TOKEN_ISSUED = SecurityEvent("token_issued")
"""For a code or an assertion; those for refresh tokens are too many to be read."""
GRANT_REFUSED = SecurityEvent("grant_refused")
TOKEN_REUSED = SecurityEvent("token_reused")
"""A code or refresh token was presented again: its app or its network has lost it to somebody."""
PROOF_REFUSED = SecurityEvent("proof_refused")
"""A proof of possession does not hold, or was used before."""
SIGNED_OUT = SecurityEvent("signed_out")
"""A sign-in was ended: its refresh tokens are good no more."""


@dataclass
class Refusal:
    """Why a request for tokens is refused, filled in by the part that knows."""

    event: SecurityEvent = GRANT_REFUSED
    reason: str = ""
    ids: dict[str, object] = field(default_factory=dict)

    def record(self, error: str) -> None:
        """Record it, with OAuth's own code where nothing more is known."""
        self.event.record(self.reason or error, **self.ids)
