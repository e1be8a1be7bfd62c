"""A double of WeChat Pay with the documented request checks and signatures."""

import base64
import gzip
import hashlib
import json
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from svc_payments.settings.channels import WechatSettings
from tests.svc_payments.channels.doubles.parties import Certified, certified, key_of, private_pem, public_pem
from tests.svc_payments.channels.doubles.wechat_orders import WechatOrders
from tests.svc_payments.channels.doubles.wechat_protocol import (
    APP,
    AUTHORIZATION,
    BEIJING,
    MERCHANT,
    MOBILE_APP,
    Fault,
    Handler,
    Json,
)


@dataclass
class WechatDouble(WechatOrders):
    """State, keys and injected faults."""

    merchant: Certified = field(default_factory=lambda: certified("Sample Merchant"))
    platforms: list[Certified] = field(default_factory=lambda: [certified("Tenpay.com")])
    """Platform certificates, the newest last; the API lists all of them and the newest signs."""
    public_key: RSAPrivateKey | None = None
    public_key_id: str = ""
    api_key: bytes = field(default_factory=lambda: secrets.token_hex(16).encode())
    bills: dict[str, bytes] = field(default_factory=dict)
    faults: list[tuple[str, int, str]] = field(default_factory=list)
    """Faults of the next answers: (part of the path, status, code). Each is used once."""
    forge: Callable[[dict[str, str], bytes], tuple[dict[str, str], bytes]] | None = None
    """Changes the headers and body of signed answers."""
    seen_nonces: set[str] = field(default_factory=set)
    requests: list[tuple[str, str, Json]] = field(default_factory=list)
    base_url: str = ""

    def settings(self, url: str, **changes: Any) -> WechatSettings:  # noqa: ANN401 - fields
        self.base_url = url
        usual: Json = {
            "merchant_id": MERCHANT,
            "app_id": APP,
            "mobile_app_id": MOBILE_APP,
            "merchant_key": private_pem(self.merchant.key),
            "merchant_serial": self.merchant.serial,
            "api_key": self.api_key.decode(),
            "methods": "native,jsapi,app,h5",
            "url": url,
        }
        if self.public_key:
            usual |= {"public_key": public_pem(self.public_key), "public_key_id": self.public_key_id}
        return WechatSettings(**usual | changes)

    def app(self) -> Starlette:
        pay, refunds = "/v3/pay/transactions", "/v3/refund/domestic/refunds"
        return Starlette(
            routes=[
                Route(f"{pay}/out-trade-no/{{number}}", self.signed(self.query), methods=["GET"]),
                Route(f"{pay}/out-trade-no/{{number}}/close", self.signed(self.close), methods=["POST"]),
                Route(f"{pay}/{{method}}", self.signed(self.place), methods=["POST"]),
                Route(refunds, self.signed(self.refund), methods=["POST"]),
                Route(f"{refunds}/{{number}}", self.signed(self.query_refund), methods=["GET"]),
                Route("/v3/certificates", self.signed(self.certificates), methods=["GET"]),
                Route("/v3/bill/tradebill", self.signed(self.trade_bill), methods=["GET"]),
                Route("/v3/billdownload/file", self.download, methods=["GET"]),
            ]
        )

    # Notices.

    def paid_notice(
        self,
        number: str,
        *,
        sign_with: Certified | None = None,
        **changes: Any,  # noqa: ANN401 - JSON
    ) -> tuple[bytes, dict[str, str]]:
        resource = {**self.orders[number], **changes}
        return self.notice("TRANSACTION.SUCCESS", "transaction", resource, sign_with=sign_with)

    def refund_notice(self, number: str, **changes: Any) -> tuple[bytes, dict[str, str]]:  # noqa: ANN401 - JSON
        refund = self.refunds[number]
        resource = {"mchid": MERCHANT, **refund, "refund_status": refund["status"], **changes}
        resource.pop("status")
        return self.notice(f"REFUND.{resource['refund_status']}", "refund", resource)

    def notice(
        self, event: str, kind: str, resource: Json, *, sign_with: Certified | None = None, notice_id: str | None = None
    ) -> tuple[bytes, dict[str, str]]:
        """The raw body and the headers of a notice."""
        raw = json.dumps(
            {
                "id": notice_id or f"EV-{secrets.token_hex(16)}",
                "create_time": datetime.now(BEIJING).isoformat(timespec="seconds"),
                "resource_type": "encrypt-resource",
                "event_type": event,
                "summary": "支付成功",
                "resource": {"original_type": kind, **self.sealed(json.dumps(resource).encode(), kind)},
            },
            ensure_ascii=False,
            indent=1,  # parsing and serialising again changes the bytes
        ).encode()
        return raw, {"Content-Type": "application/json", **self.sign(raw, sign_with)}

    def sign(self, body: bytes, sign_with: Certified | None = None) -> dict[str, str]:
        """The headers of a signed answer or notice."""
        signer = sign_with or self.platforms[-1]
        key, serial = signer.key, signer.serial
        if self.public_key and not sign_with:
            key, serial = self.public_key, self.public_key_id
        timestamp, nonce = str(int(time.time())), secrets.token_urlsafe(24)[:32]
        message = f"{timestamp}\n{nonce}\n".encode() + body + b"\n"
        return {
            "Wechatpay-Timestamp": timestamp,
            "Wechatpay-Nonce": nonce,
            "Wechatpay-Serial": serial,
            "Wechatpay-Signature": base64.b64encode(key.sign(message, PKCS1v15(), hashes.SHA256())).decode(),
            "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
            "Request-ID": f"08{secrets.token_hex(18).upper()}-0",
        }

    def sealed(self, plain: bytes, associated: str) -> dict[str, str]:
        nonce = secrets.token_hex(6)
        text = AESGCM(self.api_key).encrypt(nonce.encode(), plain, associated.encode())
        return {
            "algorithm": "AEAD_AES_256_GCM",
            "nonce": nonce,
            "associated_data": associated,
            "ciphertext": base64.b64encode(text).decode(),
        }

    # The API.

    def signed(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            raw = await request.body()
            try:
                self.authenticate(request, raw)
            except Fault as fault:
                # An unauthenticated caller gets an unsigned answer.
                return Response(json.dumps({"code": fault.code, "message": "签名错误"}), fault.status)
            content = json.loads(raw) if raw else {}
            self.requests.append((request.method, request.url.path, content))
            try:
                self.strike(request.url.path)
                status, answer_body = await handler(request, content)
            except Fault as fault:
                status, answer_body = fault.status, {"code": fault.code, "message": "说明"}
            body = json.dumps(answer_body, ensure_ascii=False).encode() if answer_body is not None else b""
            headers = {"Content-Type": "application/json; charset=utf-8", **self.sign(body)}
            if self.forge and handler != self.certificates:
                headers, body = self.forge(headers, body)
            return Response(body, status, headers)

        return answer

    def strike(self, path: str) -> None:
        for fault in list(self.faults):
            if fault[0] in path:
                self.faults.remove(fault)
                raise Fault(fault[1], fault[2])

    def authenticate(self, request: Request, raw: bytes) -> None:
        header = AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
        if header is None or header["mchid"] != MERCHANT or header["serial"] != self.merchant.serial:
            raise Fault(401, "SIGN_ERROR")
        if abs(time.time() - int(header["timestamp"])) > 300 or header["nonce"] in self.seen_nonces:
            raise Fault(401, "SIGN_ERROR")
        self.seen_nonces.add(header["nonce"])
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        head = f"{request.method}\n{target}\n{header['timestamp']}\n{header['nonce']}\n"
        try:
            signature, public = base64.b64decode(header["signature"]), self.merchant.key.public_key()
            public.verify(signature, head.encode() + raw + b"\n", PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            raise Fault(401, "SIGN_ERROR") from None
        if request.headers.get("accept") != "application/json" or not request.headers.get("user-agent"):
            raise Fault(400, "PARAM_ERROR")
        if self.public_key and request.headers.get("wechatpay-serial") != self.public_key_id:
            raise Fault(400, "PARAM_ERROR")

    async def certificates(self, _request: Request, _: Json) -> tuple[int, Json]:
        return 200, {
            "data": [
                {
                    "serial_no": platform.serial,
                    "effective_time": platform.certificate.not_valid_before_utc.isoformat(),
                    "expire_time": platform.certificate.not_valid_after_utc.isoformat(),
                    "encrypt_certificate": self.sealed(platform.pem.encode(), "certificate"),
                }
                for platform in self.platforms
            ]
        }

    async def trade_bill(self, request: Request, _: Json) -> tuple[int, Json]:
        day = request.query_params["bill_date"]
        if day not in self.bills:
            raise Fault(400, "NO_STATEMENT_EXIST")
        return 200, {
            "hash_type": "SHA1",
            "hash_value": hashlib.sha1(self.bills[day], usedforsecurity=False).hexdigest(),
            "download_url": f"{self.base_url}/v3/billdownload/file?token={day}&tartype=gzip",
        }

    async def download(self, request: Request) -> Response:
        """Return a statement file; the request is signed, the answer is not."""
        try:
            self.authenticate(request, b"")
            self.strike(request.url.path)
        except Fault as fault:
            return Response(status_code=fault.status)
        return Response(gzip.compress(self.bills[request.query_params["token"]]))


def public_key_double() -> WechatDouble:
    """WeChat Pay in public-key mode."""
    return WechatDouble(
        public_key=key_of("WeChat Pay's public key"), public_key_id=f"PUB_KEY_ID_01{secrets.randbelow(10**30):030}"
    )
