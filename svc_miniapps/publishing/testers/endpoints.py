from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from fastapi.responses import StreamingResponse

from chassis.auth import Caller, allow
from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery
from svc_miniapps.members import TeamMember
from svc_miniapps.packages.download import PACKAGE_RESPONSES, package_response
from svc_miniapps.packages.store import Store
from svc_miniapps.publishing.testers import schemas, service

router = APIRouter(prefix="/miniapps/v1", tags=["testers"])

Person = Annotated[Caller, Depends(allow(scope="mini_apps", persons=True))]


@router.get("/apps/{app_id}/testers")
async def list_testers(tx: ReadTx, caller: TeamMember, page: PageQuery, app_id: UUID) -> Page[schemas.Tester]:
    """List the testers of a mini-app of the caller's team."""
    return await service.list_testers(tx, caller, app_id, page)


@router.put("/apps/{app_id}/testers/{person_id}")
async def name_tester(tx: Tx, caller: TeamMember, app_id: UUID, person_id: UUID) -> schemas.Tester:
    """Add a person as a tester of a mini-app of the caller's team.

    Testers get trials, and gray releases from their first stage on.
    """
    return await service.name_tester(tx, caller, app_id, person_id)


@router.delete("/apps/{app_id}/testers/{person_id}", status_code=204)
async def remove_tester(tx: Tx, caller: TeamMember, app_id: UUID, person_id: UUID) -> None:
    """Remove a tester, with their trials."""
    await service.remove_tester(tx, caller, app_id, person_id)


@router.post("/releases/{release_id}/trials", status_code=201)
async def create_trial(
    tx: Tx, caller: TeamMember, once: OnceKey, release_id: UUID, body: schemas.NewTrial
) -> schemas.Trial:
    """Create a QR code that opens this version for one tester, for a week."""
    return await once.do(tx, caller, service.open_trial(tx, caller, release_id, body.person_id))


@router.post("/trials/open")
async def open_trial(tx: Tx, caller: Person, once: OnceKey, body: schemas.TrialToken) -> schemas.OpenedTrial:
    """Open a trial by the token of its QR code, as the tester for whom it was made."""
    return await once.do(tx, caller, service.enter_trial(tx, caller, body.token))


@router.get("/trials/{trial_id}/package", response_class=StreamingResponse, responses=PACKAGE_RESPONSES)
async def download_trial_package(tx: ReadTx, caller: Person, objects: Store, trial_id: UUID) -> Response:
    """Download the package of a trial that the caller has opened."""
    return await package_response(objects, await service.package_of_trial(tx, caller, trial_id))
