from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request

from chassis.auth import verified_otherwise
from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from kit.signatures.keys import load_public_keys
from kit.signatures.messages import Request as SignedRequest
from kit.signatures.messages import verify_request
from kit.signatures.refusals import BadSignature
from svc_services.callers import Operator
from svc_services.settings import Settings, TheSettings
from svc_services.supervision.complaints import schemas as complaints
from svc_services.supervision.complaints.endpoints import Complainant
from svc_services.supervision.complaints.presenters import View, shown
from svc_services.supervision.complaints.reads import read
from svc_services.supervision.hotline import replays, schemas, service
from svc_services.supervision.hotline.provider import OFF
from svc_services.supervision.hotline.refusals import HotlineOff, HotlineSignatureRefused

router = APIRouter(prefix="/services/v1", tags=["complaints"])
HOTLINE, PLATFORM = "hotline", "myili"
_LABEL = "myili="
_signed = verified_otherwise(by="a signature (RFC 9421) with the key of the 12345 hotline")


async def _verified(request: Request) -> str:
    """The hotline, by its signature over method, whole address, body and time; each signature counts once."""
    settings: Settings = request.app.state.settings
    pem = settings.hotline_public_key
    keys = load_public_keys(pem) if pem else {}
    query = f"?{request.url.query}" if request.url.query else ""
    signed = SignedRequest(request.method, f"{settings.public_url}{request.url.path}{query}", request.headers)
    if not request.headers.get("signature-input", _LABEL).startswith(_LABEL):
        raise HotlineSignatureRefused(reason="signature_malformed")
    try:
        nonce = verify_request(keys, PLATFORM, signed, await request.body())
    except BadSignature as refused:
        raise HotlineSignatureRefused(reason=refused.reason) from None
    async with request.app.state.database.transaction() as tx:
        if not await replays.claim(tx, nonce):
            raise HotlineSignatureRefused(reason="replayed")
    return HOTLINE


Signed = Annotated[str, Depends(_verified)]


@router.post("/hotline-tickets", status_code=201, dependencies=[Depends(_signed)])
async def receive_hotline_ticket(
    tx: Tx, caller: Signed, once: OnceKey, body: schemas.NewHotlineTicket
) -> schemas.HotlineTicketState:
    """Receive a ticket of the 12345 hotline; the same number with the same content answers where it stands."""
    return await once.do(tx, caller, service.receive(tx, body))


@router.get("/hotline-tickets/{hotline_number}", dependencies=[Depends(_signed)])
async def get_hotline_ticket(
    tx: ReadTx, _caller: Signed, hotline_number: schemas.HotlineNumberInPath
) -> schemas.HotlineTicketState:
    """Get where a ticket stands, by the hotline's number."""
    return await service.shown(tx, hotline_number)


@router.post("/hotline-tickets/{hotline_number}/call-back", dependencies=[Depends(_signed)])
async def record_hotline_call_back(
    tx: Tx,
    caller: Signed,
    once: OnceKey,
    hotline_number: schemas.HotlineNumberInPath,
    body: schemas.HotlineCallBack,
) -> schemas.HotlineTicketState:
    """Record what the complainant said when the hotline called back; repeated, it changes nothing."""
    return await once.do(tx, caller, service.call_back(tx, hotline_number, body))


@router.post("/complaints/{complaint_id}/hand-over")
async def hand_complaint_over(
    tx: Tx, caller: Complainant, once: OnceKey, settings: TheSettings, complaint_id: UUID, body: schemas.HotlineHandOver
) -> complaints.Complaint:
    """Send one's complaint to the 12345 hotline too, and each step of it from then on."""

    async def hand_over() -> complaints.Complaint:
        row = await service.hand_over(tx, caller.id, complaint_id, share_contact=body.share_contact)
        _require_hotline(settings)
        return await shown(tx, row, View.RESIDENT)

    return await once.do(tx, caller, hand_over())


@router.post("/received-complaints/{complaint_id}/retry-hotline")
async def retry_hotline(tx: Tx, caller: Operator, once: OnceKey, complaint_id: UUID) -> complaints.Complaint:
    """Retry telling the hotline, after its numbers contradicted ours."""

    async def retry() -> complaints.Complaint:
        return await read(tx, caller, await service.retry(tx, caller, complaint_id))

    return await once.do(tx, caller, retry())


@router.post("/received-complaints/{complaint_id}/hand-over")
async def hand_received_complaint_over(
    tx: Tx, caller: Operator, once: OnceKey, settings: TheSettings, complaint_id: UUID
) -> complaints.Complaint:
    """Send a complaint that the 12345 hotline must know of to it, without the contact, and each step from then on."""

    async def hand_over() -> complaints.Complaint:
        row = await service.hand_over_as_operator(tx, caller, complaint_id)
        _require_hotline(settings)
        return await read(tx, caller, row)

    return await once.do(tx, caller, hand_over())


def _require_hotline(settings: Settings) -> None:
    if settings.hotline_url == OFF:
        raise HotlineOff
