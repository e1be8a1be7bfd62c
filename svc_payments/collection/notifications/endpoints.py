from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from chassis.auth import verified_otherwise
from chassis.db import Database
from chassis.problems import NotFound, Problem
from chassis.telemetry import log
from svc_payments.channels import schemas
from svc_payments.channels.calls import NOTICES
from svc_payments.channels.notices import NOTICE_PROOF, NotifyingChannel, PaidNotice, refuse_query
from svc_payments.collection.notifications import service
from svc_payments.collection.notifications.batches import NoticeBatches, open_batches
from svc_payments.collection.notifications.raw_route import RawRoute
from svc_payments.settings import Settings
from svc_payments.settings.channels import ChannelName


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with open_batches(app.state.database) as app.state.notice_batches:
        yield


router = APIRouter(prefix="/payments/v1", tags=["channels"], lifespan=lifespan, route_class=RawRoute)

Signed = Depends(verified_otherwise(by="the channel's signature over the raw body"))


def _read_raw(media_type: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Declares the shape of a body that is read as raw bytes."""
    return {
        "x-max-body-bytes": 16 * 1024,
        "requestBody": {"required": True, "content": {media_type: {"schema": schema}}},
    }


def _refused_as(media_type: str, schema: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    """The body that a channel gets for a refused notification."""
    return {"default": {"description": "Refused.", "content": {media_type: {"schema": schema}}}}


@router.post(
    "/channels/sandbox/notices",
    status_code=204,
    dependencies=[Depends(verified_otherwise(by=NOTICE_PROOF))],
    openapi_extra=_read_raw("application/json", schemas.Notice.model_json_schema()),
)
async def receive_sandbox_notice(request: Request) -> Response:
    """Receive a payment notification of the sandbox channel.

    It is repeated until the answer is a 2xx.
    """
    await _take(request, ChannelName.SANDBOX)
    return Response(status_code=204)


@router.post(
    "/channels/wechat/notices",
    status_code=204,
    response_class=Response,
    dependencies=[Signed],
    responses=_refused_as("application/json", {"type": "object", "description": "As WeChat Pay's API v3 says."}),
    openapi_extra=_read_raw("application/json", {"type": "object", "description": "As WeChat Pay's API v3 says."}),
)
async def receive_wechat_notice(request: Request) -> Response:
    """Receive a payment or refund notification of WeChat Pay.

    It is repeated until the answer is a 2xx.
    """
    try:
        await _take(request, ChannelName.WECHAT)
    except Problem as refusal:
        return JSONResponse({"code": "FAIL", "message": refusal.code}, refusal.status)
    return Response(status_code=204)


@router.post(
    "/channels/unionpay/notices",
    response_class=Response,
    dependencies=[Signed],
    openapi_extra=_read_raw(
        "application/x-www-form-urlencoded", {"type": "object", "description": "As UnionPay's ACP 5.1.0 says."}
    ),
)
async def receive_unionpay_notice(request: Request) -> Response:
    """Receive a payment or refund notification of UnionPay.

    It is repeated until the answer is 200.
    """
    await _take(request, ChannelName.UNIONPAY)
    return Response()


@router.post(
    "/channels/alipay/notices",
    response_class=PlainTextResponse,
    dependencies=[Signed],
    responses=_refused_as("text/plain", {"type": "string"}),
    openapi_extra=_read_raw(
        "application/x-www-form-urlencoded",
        {"type": "object", "description": "As Alipay's open platform says of asynchronous notices; any charset."},
    ),
)
async def receive_alipay_notice(request: Request) -> PlainTextResponse:
    """Receive a payment or refund notification of Alipay.

    It is repeated until the answer is the word `success`.
    """
    try:
        await _take(request, ChannelName.ALIPAY)
    except Problem as refusal:
        return PlainTextResponse("fail", refusal.status)
    return PlainTextResponse("success")


async def _take(request: Request, name: ChannelName) -> None:
    """Process a notice or refuse it; both are counted."""
    try:
        await _taken(request, name)
    except Problem as refusal:
        reason = refusal.values.get("reason", refusal.code)
        NOTICES.labels(name, reason).inc()
        # Probes are wrong on purpose and must not raise an alert.
        (log.info if reason == "probe" else log.warning)("notice_refused", channel=name, reason=reason)
        raise
    NOTICES.labels(name, "taken").inc()


async def _taken(request: Request, name: ChannelName) -> None:
    settings: Settings = request.app.state.settings
    database: Database = request.app.state.database
    channel: NotifyingChannel | None = request.app.state.channels.get(name)
    if channel is None:
        raise NotFound
    if name == ChannelName.SANDBOX:
        refuse_query(request)
    raw = await request.body()
    notice, merchant_id = await channel.read_notice(request.headers, raw), settings.merchant_at(name)
    if isinstance(notice, PaidNotice):
        groups: NoticeBatches = request.app.state.notice_batches
        refusal = await groups.take(name, notice, merchant_id)
    else:
        async with database.transaction() as tx:
            refusal = await service.take_notice(tx, name, notice, merchant_id)
    # Raised only now: the finding must stay although the notice is refused.
    if refusal:
        raise refusal
