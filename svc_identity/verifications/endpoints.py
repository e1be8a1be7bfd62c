from collections.abc import Awaitable
from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import ReadTx, Transactions
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from chassis.problems import Problem
from svc_identity.oauth.models import Client
from svc_identity.own_apps import allow_in_own_apps
from svc_identity.people.agreements.endpoints import AcceptLanguage
from svc_identity.people.consents.models import Way
from svc_identity.people.consents.service import Given, require
from svc_identity.people.persons.service import known_person
from svc_identity.settings import Settings
from svc_identity.texts import choose_language
from svc_identity.verifications import schemas, service
from svc_identity.verifications.conclusion import conclude
from svc_identity.verifications.models import Method, Verification
from svc_identity.verifications.observation import observe
from svc_identity.verifications.one_at_a_time import one_at_a_time
from svc_identity.verifications.opening import Back, open_session
from svc_identity.verifications.provider import FaceSession, NetworkSession, TheVerifiers

router = APIRouter(prefix="/identity/v1/me/verifications", tags=["persons"])

Somebody = Annotated[Caller, Depends(allow_in_own_apps(scope="profile"))]


class ReturnAddressUnknown(Problem):
    """A network identity certificate needs an address of the app to come back to, and a `state`."""

    status, code = 422, "return_address_unknown"


async def _life(request: Request) -> timedelta:
    settings: Settings = request.app.state.settings
    return timedelta(days=settings.verification_days)


Life = Annotated[timedelta, Depends(_life)]


@router.get("")
async def list_my_verifications(tx: ReadTx, caller: Somebody, page: PageQuery) -> Page[schemas.Verification]:
    """List the caller's verifications by face or network identity certificate, newest first."""
    own = select(Verification).where(Verification.person_id == caller.id)
    return await page_of(tx, own, page, Verification.id, schemas.Verification.of, newest_first=True)


@router.post("")
async def begin_verification(
    transactions: Transactions,
    caller: Somebody,
    once: OnceKey,
    verifiers: TheVerifiers,
    body: schemas.NewVerification,
    accept_language: AcceptLanguage = "",
) -> schemas.BegunVerification:
    """Begin to verify the caller by face, or by their network identity certificate, for assurance level 3.

    Whose it must be is what the caller has proved, or what their open claim on an ID number states; the app names
    nobody. A consent of its own to the method is needed: `consent_version`, else 409 `consent_required`. The app opens
    the verifier's SDK with `sdk_token`, or sends the person to `address`, and then finishes. Nobody has to use either:
    what needs level 3 takes both, and a counter decides claims without.
    """
    verifiers.require(body.method)
    async with transactions.transaction() as tx:
        await once.claim(tx, caller)
        await _require_return_address(tx, caller, body)
        # Before the consent, whose foreign key shares the person's row: two of them could not both lock it afterwards.
        await known_person(tx, caller.id, for_update=True)
        await _require_consent(tx, caller, body, accept_language)
        verification_id, subject = await service.begin(tx, caller.id, caller.client_id, body.method)
    session = await open_session(transactions, verifiers, verification_id, subject, back_to(body))
    async with transactions.transaction() as tx:
        return await once.do(tx, caller, _begun(tx, verification_id, session))


@router.post("/{verification_id}/finish")
async def finish_verification(
    transactions: Transactions,
    caller: Somebody,
    once: OnceKey,
    verifiers: TheVerifiers,
    life: Life,
    verification_id: UUID,
    body: schemas.Finish,
) -> schemas.Verification:
    """Finish a verification: the outside system is asked how it ended.

    Idempotent. While the person is not done the answer is 409 `verification_under_way`. `passed` with `valid_until` is
    level 3, in the next access token. Of a claim it gives the ID number at once where its holder has level 2; `passed`
    without `valid_until` leaves it to a counter.
    """
    async with one_at_a_time(transactions, verification_id):
        async with transactions.transaction() as tx:
            await once.claim(tx, caller)
            asked = await service.question(tx, caller.id, verification_id)
            if isinstance(asked, Verification):
                return schemas.Verification.of(asked)
            await require(tx, caller.id, service.ACTIVITIES[asked.method], None)
        observed = await observe(verifiers, asked, body.code)
        async with transactions.transaction() as tx:
            return await once.do(tx, caller, _shown(conclude(tx, caller.id, verification_id, observed, life)))


def back_to(body: schemas.NewVerification) -> Back | None:
    """Where the person comes back; None for a face, which is taken in the app."""
    return Back(body.redirect_uri or "", body.state or "") if body.method == Method.NETWORK_CERTIFICATE else None


async def _require_return_address(tx: AsyncSession, caller: Caller, body: schemas.NewVerification) -> None:
    if body.method != Method.NETWORK_CERTIFICATE:
        return
    client = await tx.get(Client, caller.client_id)
    if client is None or not body.state or not client.check_redirect_uri(body.redirect_uri or ""):
        raise ReturnAddressUnknown


async def _require_consent(
    tx: AsyncSession, caller: Caller, body: schemas.NewVerification, accept_language: str
) -> None:
    given = None
    if body.consent_version:
        language = choose_language("", accept_language)
        given = Given(body.consent_version, Way.APP, language, client_id=caller.client_id)
    await require(tx, caller.id, service.ACTIVITIES[body.method], given)


async def _begun(
    tx: AsyncSession, verification_id: UUID, session: FaceSession | NetworkSession
) -> schemas.BegunVerification:
    row = await service.opened(tx, verification_id, session)
    more = {"sdk_token": session.sdk_token} if isinstance(session, FaceSession) else {"address": session.address}
    return schemas.BegunVerification(**schemas.Verification.of(row).model_dump(), **more)


async def _shown(concluding: Awaitable[Verification]) -> schemas.Verification:
    return schemas.Verification.of(await concluding)
