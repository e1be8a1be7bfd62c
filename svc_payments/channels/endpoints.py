from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, Depends, FastAPI, Request

from chassis.auth import verified_otherwise
from chassis.db import Transactions
from chassis.signatures import NONCE_HEADER, load_public_keys
from svc_payments.channels import service
from svc_payments.channels.provider import ChannelName
from svc_payments.channels.registry import open_channels
from svc_payments.channels.schemas import Notice
from svc_payments.settings import Settings


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings: Settings = app.state.settings
    app.state.channel_keys = load_public_keys(settings.channel_public_key)
    async with open_channels(settings) as app.state.channels:
        yield


router = APIRouter(prefix="/payments/v1", tags=["channels"], lifespan=lifespan)


@router.post(
    "/channels/sandbox/notices",
    status_code=204,
    dependencies=[Depends(verified_otherwise(by="the channel's signature over the raw body"))],
    openapi_extra={
        "x-max-body-bytes": 16 * 1024,
        # Read as raw bytes below, so the contract has to be told what they mean.
        "requestBody": {"required": True, "content": {"application/json": {"schema": Notice.model_json_schema()}}},
    },
)
async def receive_sandbox_notice(request: Request, transactions: Transactions) -> None:
    """Be told by the sandbox channel that an order was paid. Any answer but 2xx has it told again."""
    raw = await request.body()
    notice = service.authentic(request.app.state.channel_keys, request.headers, raw)
    nonce = request.headers[NONCE_HEADER]
    merchant_id = request.app.state.settings.merchant_id
    async with transactions.transaction() as tx:
        refusal = await service.take_notice(tx, ChannelName.SANDBOX, notice, nonce, raw, merchant_id)
    # Raised only now: the finding must stay although the notice is refused.
    if refusal:
        raise refusal
