"""The session that an outside system opens for a verification, between two transactions."""

from dataclasses import dataclass
from uuid import UUID

from chassis.db import Transactions
from svc_identity.verifications import service
from svc_identity.verifications.models import Method
from svc_identity.verifications.provider import FaceSession, MethodNotOffered, NetworkSession, Subject, Verifiers


@dataclass(frozen=True)
class Back:
    """Where a person comes back from the network identity service, and with which value."""

    redirect_uri: str
    state: str


async def open_session(
    transactions: Transactions, verifiers: Verifiers, verification_id: UUID, subject: Subject, back: Back | None
) -> FaceSession | NetworkSession:
    """Open a session for a certificate, or without a way back for a face; what is not opened costs no try.

    Raises:
        VerifierUnavailable, MethodNotOffered
    """
    session: FaceSession | NetworkSession | None = None
    try:
        if back is None and verifiers.face:
            session = await verifiers.face.begin(verification_id, subject)
        elif back is not None and verifiers.network:
            session = await verifiers.network.begin(verification_id, back.redirect_uri, back.state)
    finally:
        if session is None:
            async with transactions.transaction() as tx:
                await service.not_opened(tx, verification_id)
    if session is None:
        raise MethodNotOffered(method=Method.NETWORK_CERTIFICATE if back else Method.FACE)
    return session
