"""WeChat Pay as its documents describe it: checks every request as strictly, and signs every answer the same way."""

import base64
import gzip
import hashlib
import json
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

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

MERCHANT, APP, MOBILE_APP = "1900000109", "wxd678efh567hg6787", "wx8888888888888888"
OPEN_ID = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"
BEIJING = ZoneInfo("Asia/Shanghai")
AUTHORIZATION = re.compile(
    r'WECHATPAY2-SHA256-RSA2048 mchid="(?P<mchid>\d+)",nonce_str="(?P<nonce>[0-9A-Za-z]{16,32})",'
    r'signature="(?P<signature>[0-9A-Za-z+/=]+)",timestamp="(?P<timestamp>\d{10})",serial_no="(?P<serial>[0-9A-F]+)"'
)
Json = dict[str, Any]
Handler = Callable[[Request, Json], Awaitable[tuple[int, Any]]]


class Fault(Exception):  # noqa: N818 - an answer
    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


@dataclass
class WechatDouble:
    """State, keys, and what goes wrong on command."""

    merchant: Certified = field(default_factory=lambda: certified("Sample Merchant"))
    platforms: list[Certified] = field(default_factory=lambda: [certified("Tenpay.com")])
    """Platform certificates, the newest last; all of them are handed out, and the newest signs."""
    public_key: RSAPrivateKey | None = None
    public_key_id: str = ""
    api_key: bytes = field(default_factory=lambda: secrets.token_hex(16).encode())
    orders: dict[str, Json] = field(default_factory=dict)
    refunds: dict[str, Json] = field(default_factory=dict)
    bills: dict[str, bytes] = field(default_factory=dict)
    faults: list[tuple[str, int, str]] = field(default_factory=list)
    """(part of the path, status, code) of answers to come, each given once."""
    forge: Callable[[dict[str, str], bytes], tuple[dict[str, str], bytes]] | None = None
    """Changes the headers and the body of answers after they were signed."""
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

    # What the payer does, and what people do in the merchant's console.

    def pay(self, number: str) -> Json:
        order = self.orders[number]
        paid_at = datetime.now(BEIJING).replace(microsecond=0)
        order |= {
            "trade_state": "SUCCESS",
            "transaction_id": f"42000{secrets.randbelow(10**23):023}",
            "success_time": paid_at.isoformat(),
        }
        return order

    def set_state(self, number: str, state: str) -> None:
        self.orders[number]["trade_state"] = state

    # Notices.

    def paid_notice(
        self,
        number: str,
        *,
        sign_with: Certified | None = None,
        **changes: Any,  # noqa: ANN401 - JSON
    ) -> tuple[bytes, dict[str, str]]:
        told = {**self.orders[number], **changes}
        return self.notice("TRANSACTION.SUCCESS", "transaction", told, sign_with=sign_with)

    def refund_notice(self, number: str, **changes: Any) -> tuple[bytes, dict[str, str]]:  # noqa: ANN401 - JSON
        refund = self.refunds[number]
        told = {"mchid": MERCHANT, **refund, "refund_status": refund["status"], **changes}
        told.pop("status")
        return self.notice(f"REFUND.{told['refund_status']}", "refund", told)

    def notice(
        self, event: str, kind: str, told: Json, *, sign_with: Certified | None = None, notice_id: str | None = None
    ) -> tuple[bytes, dict[str, str]]:
        """The raw body and the headers of a notice."""
        raw = json.dumps(
            {
                "id": notice_id or f"EV-{secrets.token_hex(16)}",
                "create_time": datetime.now(BEIJING).isoformat(timespec="seconds"),
                "resource_type": "encrypt-resource",
                "event_type": event,
                "summary": "支付成功",
                "resource": {"original_type": kind, **self.sealed(json.dumps(told).encode(), kind)},
            },
            ensure_ascii=False,
            indent=1,  # no parser writes it again like this
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
                # To whoever is not known nothing is signed.
                return Response(json.dumps({"code": fault.code, "message": "签名错误"}), fault.status)
            content = json.loads(raw) if raw else {}
            self.requests.append((request.method, request.url.path, content))
            try:
                self.strike(request.url.path)
                status, said = await handler(request, content)
            except Fault as fault:
                status, said = fault.status, {"code": fault.code, "message": "说明"}
            body = json.dumps(said, ensure_ascii=False).encode() if said is not None else b""
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
        said = AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
        if said is None or said["mchid"] != MERCHANT or said["serial"] != self.merchant.serial:
            raise Fault(401, "SIGN_ERROR")
        if abs(time.time() - int(said["timestamp"])) > 300 or said["nonce"] in self.seen_nonces:
            raise Fault(401, "SIGN_ERROR")
        self.seen_nonces.add(said["nonce"])
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        head = f"{request.method}\n{target}\n{said['timestamp']}\n{said['nonce']}\n"
        try:
            signature, public = base64.b64decode(said["signature"]), self.merchant.key.public_key()
            public.verify(signature, head.encode() + raw + b"\n", PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            raise Fault(401, "SIGN_ERROR") from None
        if request.headers.get("accept") != "application/json" or not request.headers.get("user-agent"):
            raise Fault(400, "PARAM_ERROR")
        if self.public_key and request.headers.get("wechatpay-serial") != self.public_key_id:
            raise Fault(400, "PARAM_ERROR")

    async def place(self, request: Request, content: Json) -> tuple[int, Json]:
        method, number = request.path_params["method"], content["out_trade_no"]
        wanted = {**content, "method": method}
        self.check_order(method, content)
        known = self.orders.get(number)
        if known and known["trade_state"] == "SUCCESS":
            raise Fault(400, "ORDERPAID")
        if known and known["trade_state"] == "CLOSED":
            raise Fault(400, "ORDER_CLOSED")
        if known and known["wanted"] != wanted:
            raise Fault(400, "INVALID_REQUEST")
        self.orders.setdefault(
            number,
            {
                "appid": content["appid"],
                "mchid": MERCHANT,
                "out_trade_no": number,
                "trade_type": method.upper(),
                "trade_state": "NOTPAY",
                "amount": {**content["amount"], "payer_total": content["amount"]["total"], "payer_currency": "CNY"},
                "payer": {"openid": OPEN_ID},
                "wanted": wanted,
            },
        )
        prepay_id = f"wx{hashlib.sha256(number.encode()).hexdigest()[:34]}"
        return 200, {
            "native": {"code_url": f"weixin://wxpay/bizpayurl?pr={prepay_id[:12]}"},
            "h5": {"h5_url": f"https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id={prepay_id}"},
            "jsapi": {"prepay_id": prepay_id},
            "app": {"prepay_id": prepay_id},
        }[method]

    def check_order(self, method: str, content: Json) -> None:
        expires = datetime.fromisoformat(content["time_expire"])
        total = content["amount"]["total"]
        if not (
            re.fullmatch(r"[0-9A-Za-z_\-|*@]{6,32}", content["out_trade_no"])
            and content["mchid"] == MERCHANT
            and content["appid"] == (MOBILE_APP if method == "app" else APP)
            and content["notify_url"].endswith("/payments/v1/channels/wechat/notices")
            and content["amount"]["currency"] == "CNY"
            and type(total) is int
            and total > 0
            and 0 < len(content["description"]) <= 127
            and expires.utcoffset() == timedelta(hours=8)
            and (method != "jsapi" or content["payer"]["openid"])
            and (method != "h5" or content["scene_info"]["h5_info"]["type"] == "Wap")
            and (method != "h5" or content["scene_info"]["payer_client_ip"])
        ):
            raise Fault(400, "PARAM_ERROR")

    async def query(self, request: Request, _: Json) -> tuple[int, Json]:
        if request.query_params.get("mchid") != MERCHANT:
            raise Fault(403, "NO_AUTH")
        return 200, {name: value for name, value in self.known(request).items() if name != "wanted"}

    async def close(self, request: Request, content: Json) -> tuple[int, None]:
        order = self.known(request)
        if content != {"mchid": MERCHANT}:
            raise Fault(400, "PARAM_ERROR")
        if order["trade_state"] == "SUCCESS":
            raise Fault(400, "ORDERPAID")
        order["trade_state"] = "CLOSED"
        return 204, None

    def known(self, request: Request) -> Json:
        order = self.orders.get(request.path_params["number"])
        if order is None:
            raise Fault(404, "ORDER_NOT_EXIST")
        return order

    async def refund(self, _: Request, content: Json) -> tuple[int, Json]:
        amount, number = content["amount"], content["out_refund_no"]
        orders = [order for order in self.orders.values() if order.get("transaction_id") == content["transaction_id"]]
        if not orders:
            raise Fault(404, "RESOURCE_NOT_EXISTS")
        if number in self.refunds:
            if self.refunds[number]["amount"]["refund"] != amount["refund"]:
                raise Fault(400, "INVALID_REQUEST")
            return 200, self.refunds[number]
        gone = sum(
            refund["amount"]["refund"]
            for refund in self.refunds.values()
            if refund["transaction_id"] == content["transaction_id"]
        )
        if amount["total"] != orders[0]["amount"]["total"] or gone + amount["refund"] > amount["total"]:
            raise Fault(400, "INVALID_REQUEST")
        self.refunds[number] = {
            "refund_id": f"50000{secrets.randbelow(10**23):023}",
            "out_refund_no": number,
            "transaction_id": content["transaction_id"],
            "out_trade_no": orders[0]["out_trade_no"],
            "channel": "ORIGINAL",
            "user_received_account": "支付用户零钱",
            "create_time": datetime.now(BEIJING).isoformat(timespec="seconds"),
            "status": "PROCESSING",
            "amount": {"refund": amount["refund"], "total": amount["total"], "currency": "CNY"},
        }
        return 200, self.refunds[number]

    def finish_refund(self, number: str, status: str = "SUCCESS") -> None:
        self.refunds[number] |= {
            "status": status,
            "success_time": datetime.now(BEIJING).isoformat(timespec="seconds"),
        }

    async def query_refund(self, request: Request, _: Json) -> tuple[int, Json]:
        refund = self.refunds.get(request.path_params["number"])
        if refund is None:
            raise Fault(404, "RESOURCE_NOT_EXISTS")
        return 200, refund

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
        """Signed by the merchant as every request; its answer is signed by nobody."""
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
