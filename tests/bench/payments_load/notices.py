"""Notices of paid orders as the sandbox channel sends them, signed beforehand so that signing is not measured."""

import json
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from chassis.db import new_id, now
from chassis.testing import PUBLIC_URL
from kit.signatures.keys import load_private_key
from kit.signatures.messages import sign_request
from tests.bench.payments_load.open_payments import Open

_HEAD = """POST /payments/v1/channels/sandbox/notices HTTP/1.1\r
Host: {where}\r
Content-Length: {length}\r
{signature}\r
"""
_SIGNERS = 2


def signed_requests(channel_key: str, where: str, opened: Sequence[Open]) -> list[bytes]:
    """One request for each payment, as it goes over the wire; good for five minutes."""
    parts = [opened[start::_SIGNERS] for start in range(_SIGNERS)]
    with ProcessPoolExecutor(_SIGNERS) as signers:
        return [request for part in signers.map(partial(_signed, channel_key, where), parts) for request in part]


def _signed(channel_key: str, where: str, opened: Sequence[Open]) -> list[bytes]:
    key = load_private_key(channel_key)
    url = f"{PUBLIC_URL}/payments/v1/channels/sandbox/notices"
    requests = []
    for payment in opened:
        notice = {
            "notice_id": str(new_id()),
            "event": "payment.succeeded",
            "merchant_id": "my-ili",
            "order_number": payment.order_number,
            "transaction_id": payment.transaction_id,
            "amount_fen": payment.amount_fen,
            "currency": "CNY",
            "paid_at": now().isoformat(),
        }
        body = json.dumps(notice).encode()
        signature = "".join(
            f"{name}: {value}\r\n" for name, value in sign_request(key, "my-ili", "POST", url, body).items()
        )
        requests.append(_HEAD.format(where=where, length=len(body), signature=signature).encode() + body)
    return requests
