from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy import select

from chassis.auth import Caller, allow
from chassis.db import ReadTx, Tx
from chassis.pagination import Page, PageQuery, page_of
from chassis.text import Day
from kit.callers import ByKind
from kit.staff.reach import allow_of_whole
from kit.uploads.bodies import whole_body
from kit.uploads.contract import CONTENT_DIGEST, REPR_DIGEST
from kit.uploads.digests import fitting
from svc_payments.billing.files.reception import LARGEST_FILE
from svc_payments.channels.methods import ChannelNotAvailable
from svc_payments.reconciliation.runs import service as reconciliation
from svc_payments.reconciliation.statements import models, schemas, service
from svc_payments.reconciliation.statements.downloads import merchant_of
from svc_payments.reconciliation.statements.files import Announced, spooled
from svc_payments.reconciliation.statements.models import Source
from svc_payments.reconciliation.statements.parser import Expected
from svc_payments.reconciliation.statements.service import Counterparty
from svc_payments.settings import Settings
from svc_payments.settings.channels import ChannelName

router = APIRouter(prefix="/payments/v1", tags=["statements"])

Operator = Annotated[Caller, Depends(allow_of_whole(scope="staff", role="operator"))]
Provider = Annotated[Caller, Depends(allow(scope="bills:write"))]


Reader = Annotated[
    Caller,
    Depends(
        ByKind(person=allow_of_whole(scope="staff", role=("operator", "auditor")), client=allow(scope="bills:write"))
    ),
]


def _file_in(description: str, *media_types: str) -> dict[str, Any]:
    file = {"schema": {"type": "string", "format": "binary"}}
    return {
        "parameters": [REPR_DIGEST, CONTENT_DIGEST],
        "requestBody": {
            "required": True,
            "description": description,
            "content": dict.fromkeys((*media_types, "application/octet-stream"), file),
        },
        "x-max-body-bytes": LARGEST_FILE,
        "x-timeout-seconds": 600,
    }


@router.put(
    "/channel-statements/{channel}/{day}",
    openapi_extra=_file_in(
        "The channel's bill of the day as it was downloaded: of WeChat Pay the transaction bill (ALL), of Alipay the "
        "zip of business details; gzip is unpacked. A charset of text/csv must be that of the text.",
        "text/csv",
        "application/zip",
        "application/gzip",
    ),
)
async def upload_channel_statement(
    request: Request, tx: Tx, caller: Operator, channel: ChannelName, day: Day
) -> schemas.Statement:
    """Upload a channel's statement of a day and reconcile it.

    Idempotent: the same file again changes nothing.
    """
    settings: Settings = request.app.state.settings
    if channel == ChannelName.SANDBOX and settings.channel_url is None:
        raise ChannelNotAvailable
    expected = Expected(day, merchant_of(channel, settings))
    return await _take_in(request, tx, caller, service.of_channel(channel), expected)


@router.put(
    "/posting-statements/{day}",
    openapi_extra=_file_in(
        "What the provider booked and refused on the day: CSV in UTF-8 or GB18030 (a charset of text/csv must be that "
        "of the text), also in gzip or as the one file of a ZIP, with the columns posting_id, "
        "receipt_number, bill_number, account_number, amount (yuan), state (booked or refused), booked_at and "
        "reference; posting_id may be empty where receipt and bill number are not. Above the header up to ten lines of "
        "at most three values are titles and passed over; anything else there is `statement_malformed`. Empty values "
        "at the ends of rows mean nothing. A last line "
        "`total,<lines>,<sum of amounts>` is checked.",
        "text/csv",
        "application/zip",
        "application/gzip",
    ),
)
async def upload_posting_statement(request: Request, tx: Tx, caller: Provider, day: Day) -> schemas.Statement:
    """Upload the caller's posting statement of a day and reconcile it.

    Idempotent: the same file again changes nothing.
    """
    return await _take_in(request, tx, caller, service.of_provider(caller.id), Expected(day))


async def _take_in(
    request: Request, tx: Tx, caller: Caller, counterparty: Counterparty, expected: Expected
) -> schemas.Statement:
    body = fitting(whole_body(request), request.headers, "Content-Digest")
    async with spooled(body, Announced.by(request.headers)) as file:
        statement, new = await service.take_in(tx, counterparty, expected, file, caller.subject)
    if new:
        await reconciliation.request(tx, counterparty, expected.day, caller.subject)
    return schemas.shown(statement)


@router.get("/statements")
async def list_statements(
    tx: ReadTx, caller: Reader, page: PageQuery, source: Source | None = None, day: Day | None = None
) -> Page[schemas.Statement]:
    """List statements of channels and providers, newest first; a provider sees its own."""
    query = select(models.Statement)
    if caller.kind == "client":
        query = query.where(models.Statement.source == Source.PROVIDER, models.Statement.holder == caller.subject)
    if source:
        query = query.where(models.Statement.source == source)
    if day:
        query = query.where(models.Statement.day == day)
    return await page_of(tx, query, page, models.Statement.id, schemas.shown, newest_first=True)
