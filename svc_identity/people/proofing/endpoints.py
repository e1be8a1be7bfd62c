from fastapi import APIRouter
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import Transactions
from chassis.idempotency import OnceKey
from svc_identity.people import ages
from svc_identity.people.agreements.endpoints import AcceptLanguage
from svc_identity.people.consents.activities import Activity
from svc_identity.people.consents.models import Way
from svc_identity.people.consents.service import Given, require
from svc_identity.people.identity_claims import service as claims
from svc_identity.people.persons import schemas as persons
from svc_identity.people.persons.endpoints import Somebody
from svc_identity.people.proofing import service
from svc_identity.people.proofing.models import Outcome
from svc_identity.people.proofing.provider import Registry
from svc_identity.people.proofing.schemas import Proof
from svc_identity.texts import choose_language

router = APIRouter(prefix="/identity/v1", tags=["persons"])


@router.post("/me/proofing")
async def prove_identity(
    transactions: Transactions,
    caller: Somebody,
    once: OnceKey,
    registry: Registry,
    body: Proof,
    accept_language: AcceptLanguage = "",
) -> persons.Me:
    """Verify the caller's name and ID number against the population registry.

    It needs a consent of its own to the privacy notice in force: `consent_version`, else 409 `consent_required`.
    The next access token has the new assurance level. Whoever proved their number before and is called otherwise now
    proves it again: the registry decides whether the name changes. A number that another person has proved opens a
    claim, which a service counter decides: 409 `id_number_taken` names it in `claim_number`. Who is under fourteen is
    registered by a guardian: 403 `guardian_needed`.
    """
    if ages.is_under(body.id_number, ages.OWN_CONSENT):  # before anything of it is stored or sent
        raise service.GuardianNeeded
    async with transactions.transaction() as tx:
        await once.claim(tx, caller)
        await _require_consent(tx, caller, body, accept_language)
        attempt_id = await service.begin(tx, caller.id, body)
    outcome = Outcome.MATCH if attempt_id is None else Outcome.UNAVAILABLE
    if attempt_id is not None:
        try:
            outcome = await registry.verify(body.name, body.id_number)
        finally:
            async with transactions.transaction() as tx:
                await service.record_outcome(tx, attempt_id, outcome)
    try:
        async with transactions.transaction() as tx:
            return await once.do(tx, caller, service.raise_assurance(tx, caller.id, body, outcome))
    except service.NumberProvedByOther:
        # In a transaction of its own, which the refusal does not roll back.
        async with transactions.transaction() as tx:
            claim = await claims.open_for(tx, caller.id, body.name, body.id_number)
    raise service.IdNumberTaken(claim_number=claim.number)


async def _require_consent(tx: AsyncSession, caller: Caller, proof: Proof, accept_language: str) -> None:
    given = None
    if proof.consent_version:
        language = choose_language("", accept_language)
        given = Given(proof.consent_version, Way.APP, language, client_id=caller.client_id)
    await require(tx, caller.id, Activity.IDENTITY_PROOFING, given)
