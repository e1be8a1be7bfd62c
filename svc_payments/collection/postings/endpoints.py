from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from sqlalchemy import select

from chassis.auth import anyone
from chassis.db import ReadTx
from chassis.pagination import Page, PageQuery, page_of
from kit.signatures.keys import load_private_key, public_jwks
from kit.staff.reach import allow_of_whole
from svc_payments.collection.postings import models, schemas


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    key = load_private_key(app.state.settings.provider_signing_key.get_secret_value())
    app.state.signing_keys = public_jwks([key.public_key()])
    yield


router = APIRouter(prefix="/payments/v1", tags=["postings"], lifespan=lifespan)


@router.get("/postings", dependencies=[Depends(allow_of_whole(scope="staff", role=("operator", "auditor")))])
async def list_postings(
    tx: ReadTx, page: PageQuery, status: models.PostingStatus | None = None
) -> Page[schemas.Posting]:
    """List postings to providers, newest first, optionally in one status."""
    query = select(models.Posting)
    if status:
        query = query.where(models.Posting.status == status)
    return await page_of(tx, query, page, models.Posting.id, schemas.shown, newest_first=True)


@router.get(
    "/signing-keys",
    dependencies=[Depends(anyone(because="providers check with these keys that a call is the platform's"))],
)
async def list_signing_keys(request: Request, response: Response) -> schemas.SigningKeys:
    """Get the keys that sign postings to providers (RFC 7517)."""
    response.headers["Cache-Control"] = "public, max-age=300"
    return schemas.SigningKeys.model_validate(request.app.state.signing_keys)
