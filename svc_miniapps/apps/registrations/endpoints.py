from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from chassis.db import ReadTx, Transactions, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery
from kit.fields.divisions import DivisionCode
from svc_miniapps.apps.registrations import schemas, service
from svc_miniapps.apps.registrations.icons import MAX_BYTES
from svc_miniapps.apps.registrations.models import RegistrationStatus
from svc_miniapps.apps.registrations.similar import find_similar
from svc_miniapps.fields import Code, Name
from svc_miniapps.members import Reviewer, TeamMember, TeamMemberOrReviewer
from svc_miniapps.reference.divisions.service import require_division

router = APIRouter(prefix="/miniapps/v1", tags=["registrations"])
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_IMAGES = dict.fromkeys(("image/png", "image/jpeg", "image/webp"), _BINARY)
Words = Annotated[list[Annotated[str, Query(min_length=1, max_length=100)]], Query(max_length=10)]


@router.get("/similar-apps")
async def find_similar_apps(
    tx: ReadTx,
    caller: TeamMemberOrReviewer,  # noqa: ARG001 - who may ask
    division_code: DivisionCode,
    name: Annotated[Name, Query()],
    purpose: Words = [],  # noqa: B006 - FastAPI copies it
    service_code: Annotated[list[Code], Query(max_length=20)] = [],  # noqa: B006
) -> schemas.Candidates:
    """Find apps of a division and of the prefecture that may do the same, before a new one is made."""
    await require_division(tx, division_code)
    return schemas.Candidates(items=await find_similar(tx, division_code, [name], purpose, service_code))


@router.put(
    "/apps/{app_id}/icon",
    openapi_extra={"requestBody": {"required": True, "content": _IMAGES}, "x-max-body-bytes": MAX_BYTES},
)
async def upload_app_icon(
    request: Request, transactions: Transactions, caller: TeamMember, app_id: UUID
) -> schemas.Icon:
    """Upload an icon for the next registration of a mini-app: PNG, JPEG or WebP, square.

    Told by its bytes; residents see it once the registration that names its digest is approved.
    """
    content = await request.body()
    async with transactions.transaction() as tx:
        return await service.add_icon(tx, caller, app_id, content)


@router.post("/apps/{app_id}/registrations", status_code=201)
async def submit_registration(
    tx: Tx, caller: TeamMember, once: OnceKey, app_id: UUID, body: schemas.NewRegistration
) -> schemas.Registration:
    """Submit what residents and reviewers read about a mini-app, before its first package or when it changes."""
    return await once.do(tx, caller, service.submit(tx, caller, app_id, body))


@router.get("/apps/{app_id}/registrations")
async def list_app_registrations(
    tx: ReadTx, caller: TeamMember, page: PageQuery, app_id: UUID
) -> Page[schemas.Registration]:
    """List the registrations of a mini-app of the caller's team, newest first."""
    return await service.registrations_of(tx, caller, app_id, page)


@router.get("/registrations")
async def list_registrations(
    tx: ReadTx, caller: Reviewer, page: PageQuery, status: RegistrationStatus = RegistrationStatus.WAITING
) -> Page[schemas.Registration]:
    """List registrations of other organisations' mini-apps, oldest first."""
    return await service.list_registrations(tx, caller, page, status)


@router.get("/registrations/{registration_id}")
async def get_registration(tx: ReadTx, caller: TeamMemberOrReviewer, registration_id: UUID) -> schemas.Registration:
    """Get a registration, with the apps that may do the same."""
    return await service.get_registration(tx, caller, registration_id)


@router.get(
    "/registrations/{registration_id}/icon",
    response_class=Response,
    responses={200: {"description": "The icon, as it was uploaded.", "content": _IMAGES}},
)
async def download_registration_icon(tx: ReadTx, caller: TeamMemberOrReviewer, registration_id: UUID) -> Response:
    """Download the icon of a registration."""
    media_type, content = await service.get_icon(tx, caller, registration_id)
    return Response(content, media_type=media_type, headers={"X-Content-Type-Options": "nosniff"})


@router.post("/registrations/{registration_id}/approve")
async def approve_registration(tx: Tx, caller: Reviewer, once: OnceKey, registration_id: UUID) -> schemas.Registration:
    """Approve a registration; the first one gives the mini-app its filing number, and packages can be uploaded."""
    return await once.do(tx, caller, service.approve(tx, caller, registration_id))


@router.post("/registrations/{registration_id}/reject")
async def reject_registration(
    tx: Tx, caller: Reviewer, once: OnceKey, registration_id: UUID, body: schemas.RegistrationRejection
) -> schemas.Registration:
    """Reject a registration with a reason."""
    return await once.do(tx, caller, service.reject(tx, caller, registration_id, body.reason))


@router.post("/registrations/{registration_id}/withdraw")
async def withdraw_registration(
    tx: Tx, caller: TeamMember, once: OnceKey, registration_id: UUID
) -> schemas.Registration:
    """Withdraw a registration of the caller's team."""
    return await once.do(tx, caller, service.withdraw(tx, caller, registration_id))
