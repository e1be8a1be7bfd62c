from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from sqlalchemy import select

from chassis.auth import allow, anyone
from chassis.db import ReadTx
from chassis.pagination import Page, PageQuery, page_of
from chassis.signatures import load_private_key, public_jwks
from svc_payments.postings import models, schemas


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    key = load_private_key(app.state.settings.provider_signing_key.get_secret_value())
    app.state.signing_keys = public_jwks([key.public_key()])
    yield


router = APIRouter(prefix="/payments/v1", tags=["postings"], lifespan=lifespan)


@router.get("/postings", dependencies=[Depends(allow(role=("operator", "auditor")))])
async def list_postings(
    tx: ReadTx, page: PageQuery, status: models.PostingStatus | None = None
) -> Page[schemas.Posting]:
    """What providers have been told, and what they have not booked or have refused."""
    query = select(models.Posting)
    if status:
        query = query.where(models.Posting.status == status)
    return await page_of(tx, query, page, models.Posting.id, shown, newest_first=True)


@router.get(
    "/signing-keys",
    dependencies=[Depends(anyone(because="providers check with these keys that a call is the platform's"))],
)
async def list_signing_keys(request: Request, response: Response) -> schemas.SigningKeys:
    """The keys that sign postings to providers (RFC 7517)."""
    response.headers["Cache-Control"] = "public, max-age=300"
    return schemas.SigningKeys.model_validate(request.app.state.signing_keys)


def shown(posting: models.Posting) -> schemas.Posting:
    return schemas.Posting(
        posting_id=posting.id,
        payment_id=posting.payment_id,
        bill_id=posting.bill_id,
        provider_id=posting.provider_id,
        receipt_number=posting.receipt_number,
        amount_fen=posting.amount_fen,
        status=posting.status,
        tries=posting.tries,
        try_at=None if posting.settled_at else posting.try_at,
        provider_reference=posting.provider_reference,
        refusal=posting.refusal,
        created_at=posting.created_at,
        settled_at=posting.settled_at,
    )
