from uuid import UUID

from fastapi import APIRouter, Response

from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery
from kit.etags import IfMatch, etag_of
from svc_miniapps.apps import schemas, service
from svc_miniapps.members import TeamMember

router = APIRouter(prefix="/miniapps/v1", tags=["apps"])


@router.post("/apps", status_code=201)
async def register_app(tx: Tx, caller: TeamMember, once: OnceKey, body: schemas.NewApp) -> schemas.App:
    """Register a mini-app for the caller's own division.

    Its name cannot be changed later.
    """
    return await once.do(tx, caller, service.register_app(tx, caller, body))


@router.get("/apps")
async def list_apps(tx: ReadTx, caller: TeamMember, page: PageQuery) -> Page[schemas.App]:
    """List the mini-apps of the caller's teams, in order of registration."""
    return await service.list_apps(tx, caller, page)


@router.get("/apps/{app_id}")
async def get_app(tx: ReadTx, caller: TeamMember, response: Response, app_id: UUID) -> schemas.App:
    """Get a mini-app of the caller's team, with the ETag that a change needs."""
    app = await service.get_app(tx, caller, app_id)
    response.headers["ETag"] = etag_of(app.revision)
    return schemas.App.of(app)


@router.patch("/apps/{app_id}")
async def change_app(
    tx: Tx, caller: TeamMember, response: Response, app_id: UUID, body: schemas.AppChanges, if_match: IfMatch = None
) -> schemas.App:
    """Change a mini-app's description, category or languages.

    `If-Match` names the state to change. Submitted releases keep their own copy.
    """
    app = await service.change_app(tx, caller, app_id, body, if_match)
    response.headers["ETag"] = etag_of(app.revision)
    return schemas.App.of(app)
