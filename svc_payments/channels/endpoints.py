from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, Depends, FastAPI, Request

from chassis.auth import anyone
from svc_payments.channels import schemas
from svc_payments.channels.provider import Channels
from svc_payments.channels.registry import open_channels


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with open_channels(app.state.settings) as app.state.channels:
        yield


router = APIRouter(prefix="/payments/v1", tags=["channels"], lifespan=lifespan)


@router.get("/channels", dependencies=[Depends(anyone(because="what one can pay with is no secret"))])
async def list_channels(request: Request) -> schemas.ChannelList:
    """List the payment channels and the payment methods of each."""
    channels: Channels = request.app.state.channels
    paused = request.app.state.settings.paused_channels
    items = [
        schemas.ChannelEntry(channel=name, methods=list(channel.methods))
        for name, channel in channels.items()
        if name not in paused
    ]
    return schemas.ChannelList(items=items)
