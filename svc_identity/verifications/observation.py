"""What an outside system says of a verification, compared with what it was asked. No transaction is open meanwhile."""

from collections.abc import Mapping
from dataclasses import dataclass

from chassis.problems import Problem
from svc_identity.vault.blind_indexes import blind_index
from svc_identity.verifications.models import Method, Reason, VerificationStatus
from svc_identity.verifications.provider import FaceOutcome, FaceVerifier, NetworkIdentity, Verifiers
from svc_identity.verifications.service import Question


class VerificationUnderWay(Problem):
    """The person has not finished on their phone."""

    status, code = 409, "verification_under_way"
    headers: Mapping[str, str] = {"Retry-After": "2"}


@dataclass(frozen=True)
class Observed:
    """The end of a verification."""

    status: VerificationStatus
    reason: Reason | None = None
    network_index: bytes | None = None


PASSED, EXPIRED = Observed(VerificationStatus.PASSED), Observed(VerificationStatus.EXPIRED)


def failed(reason: Reason) -> Observed:
    return Observed(VerificationStatus.FAILED, reason)


async def observe(verifiers: Verifiers, question: Question, code: str | None) -> Observed:
    """Ask the outside system how a verification ended.

    Raises:
        VerificationUnderWay, VerifierUnavailable, MethodNotOffered
    """
    verifiers.require(question.method)
    if question.method == Method.FACE and verifiers.face:
        return await _face(verifiers.face, question)
    if code is None or verifiers.network is None:
        raise VerificationUnderWay
    return await _certificate(verifiers.network, question, code)


async def _face(verifier: FaceVerifier, question: Question) -> Observed:
    result = await verifier.result(question.session_id)
    asked = question.verification_id, question.subject.name, question.subject.id_number
    if (result.order_id, result.name, result.id_number) != asked:
        return failed(Reason.OTHER_REQUEST)
    if result.result == FaceOutcome.PENDING:
        raise VerificationUnderWay
    if result.result == FaceOutcome.EXPIRED:
        return EXPIRED
    return PASSED if result.result == FaceOutcome.PASSED else failed(Reason(result.result))


async def _certificate(service: NetworkIdentity, question: Question, code: str) -> Observed:
    """The ID number is sent once only: the number of the service is enough to know a person again."""
    result = await service.redeem(question.session_id, code)
    if result.result != "passed" or result.network_number is None:
        return failed(Reason.CODE_REFUSED)
    if result.order_id != question.verification_id:
        return failed(Reason.OTHER_REQUEST)
    index = blind_index("verifications.network_number", result.network_number)
    if index != question.known_network and not await service.is_of(question.session_id, question.subject):
        return failed(Reason.OTHER_PERSON)
    return Observed(VerificationStatus.PASSED, network_index=index)
