"""A double of UnionPay's online gateway (ACP 5.1.0) with the same request checks and signatures."""

import base64
import hashlib
import re
import secrets
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from svc_payments.settings.channels import UnionpaySettings
from tests.svc_payments.channels.doubles.parties import Certified, certified, private_pem

MERCHANT = "898650149000001"
OWNER = "中国银联股份有限公司"
BEIJING = ZoneInfo("Asia/Shanghai")
ECHOED = {"merId", "orderId", "txnTime", "bizType"}
CARD = "6222021234567890128"
"""A test number that no bank has issued."""
Fields = dict[str, str]
Handler = Callable[[Fields], Fields]


@cache
def root() -> Certified:
    """The root certificate that merchants trust."""
    return certified("CFCA CS CA", authority=True)


@cache
def operations() -> Certified:
    """The intermediate that signs UnionPay's certificates."""
    return certified("CFCA OCA1", by=root(), authority=True)


def signer(number: str = "00016495", *, owner: str = OWNER, by: Certified | None = None, **dates: Any) -> Certified:  # noqa: ANN401 - as `certified`
    """A signing certificate issued to an owner."""
    return certified(f"041@8310000000083040@{owner}@{number}", by=by or operations(), **dates)


def strange_signer() -> Certified:
    """A certificate with UnionPay's name from an untrusted authority with the trusted name."""
    return signer("00016496", by=certified("CFCA CS CA", authority=True, key_name="somebody's root"))


def text_of(fields: Fields) -> bytes:
    """The signed digest of the fields."""
    text = "&".join(f"{name}={value}" for name, value in sorted(fields.items()) if value and name != "signature")
    return hashlib.sha256(text.encode()).hexdigest().encode()


class Fault(Exception):  # noqa: N818 - an answer
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass
class UnionpayDouble:
    """State, keys and injected faults."""

    merchant: Certified = field(default_factory=lambda: certified("041@Z2026@Sample Merchant@00000001"))
    signer: Certified = field(default_factory=signer)
    transactions: dict[tuple[str, str], Fields] = field(default_factory=dict)
    """Message fields of payments and refunds, by orderId and txnTime."""
    files: dict[str, bytes] = field(default_factory=dict)
    """Statement archives by settlement date, MMDD."""
    faults: list[tuple[str, int | str]] = field(default_factory=list)
    """Faults of the next answers: (part of the path, status or respCode). Each is used once."""
    forge: Callable[[Fields], str] | None = None
    """Replaces signing: writes the answer body from its fields."""
    requests: list[tuple[str, Fields]] = field(default_factory=list)

    def settings(self, url: str, **changes: Any) -> UnionpaySettings:  # noqa: ANN401 - fields
        usual: dict[str, Any] = {
            "merchant_id": MERCHANT,
            "merchant_key": private_pem(self.merchant.key),
            "merchant_certificate": self.merchant.pem,
            "trusted_certificates": root().pem + operations().pem,
            "front_url": "https://my.example/paid",
            "url": f"{url}/gateway/api",
            "files_url": f"{url}/files",
        }
        return UnionpaySettings(**usual | changes)

    def app(self) -> Starlette:
        here = "/gateway/api"
        return Starlette(
            routes=[
                Route(f"{here}/frontTransReq.do", self.front, methods=["POST"]),
                Route(f"{here}/backTransReq.do", self.answering(self.refund), methods=["POST"]),
                Route(f"{here}/queryTrans.do", self.answering(self.query), methods=["POST"]),
                Route("/files/", self.answering(self.file), methods=["POST"]),
            ]
        )

    # Actions of the payer and of UnionPay.

    def pay(self, number: str, code: str = "00") -> Fields:
        """Pay an order; a code other than 00 or A6 is a failed attempt."""
        order = self.of(number)
        order |= {"code": code, "accNo": CARD}
        if code in {"00", "A6"}:
            order |= self.moved()
        return order

    def of(self, number: str) -> Fields:
        (found,) = [known for (order, _), known in self.transactions.items() if order == number]
        return found

    def moved(self) -> Fields:
        moment = datetime.now(BEIJING)
        return {
            "queryId": f"{moment:%y%m%d%H%M%S}{secrets.randbelow(10**9):09}",
            "traceNo": f"{secrets.randbelow(10**6):06}",
            "traceTime": f"{moment:%m%d%H%M%S}",
            "settleDate": f"{moment:%m%d}",
            "settleCurrencyCode": "156",
        }

    def finish_refund(self, number: str, code: str = "00") -> None:
        self.of(number)["code"] = code

    # Notices.

    def notice(
        self,
        number: str,
        *,
        sign_with: Certified | None = None,
        **changes: Any,  # noqa: ANN401 - text
    ) -> bytes:
        """The form body of a notice."""
        known = dict(self.of(number))
        code = known.pop("code")
        fields = {**known, "respCode": code, "respMsg": "成功[0000000]", "accNo": known.get("accNo", CARD), **changes}
        return urlencode(self.sign(fields, sign_with)).encode()

    def sign(self, fields: Fields, sign_with: Certified | None = None) -> Fields:
        by = sign_with or self.signer
        whole = {
            "version": "5.1.0",
            "encoding": "UTF-8",
            "signMethod": "01",
            "accessType": "0",
            **fields,
            "signPubKeyCert": by.pem.replace("\n", "\r\n"),
        }
        signature = by.key.sign(text_of(whole), PKCS1v15(), hashes.SHA256())
        return whole | {"signature": base64.b64encode(signature).decode()}

    # The gateway.

    async def front(self, request: Request) -> Response:
        """Receive the payment form from the payer's browser."""
        try:
            fields = self.authenticated(await request.body())
            self.check_order(fields)
        except Fault as fault:
            return HTMLResponse(f"<p>{fault.code}</p>", 400)
        self.requests.append((request.url.path, fields))
        kept = ("merId", "orderId", "txnTime", "txnType", "txnSubType", "bizType", "txnAmt", "currencyCode")
        key = (fields["orderId"], fields["txnTime"])
        self.transactions.setdefault(key, {name: fields[name] for name in kept} | {"code": "05"})
        return HTMLResponse("<h1>收银台</h1>")

    def check_order(self, fields: Fields) -> None:
        moment = datetime.now(BEIJING)
        if not (
            fields["txnType"] == "01"
            and fields["txnSubType"] == "01"
            and fields["bizType"] == "000201"
            and fields["channelType"] in {"07", "08"}
            and re.fullmatch(r"[0-9A-Za-z]{8,40}", fields["orderId"])
            and re.fullmatch(r"[1-9][0-9]{0,11}", fields["txnAmt"])
            and fields["currencyCode"] == "156"
            and abs(beijing(fields["txnTime"]) - moment) < timedelta(hours=1)
            and beijing(fields["payTimeout"]) > moment
            and fields["frontUrl"].startswith("https://")
            and fields["backUrl"].endswith("/payments/v1/channels/unionpay/notices")
        ):
            raise Fault("10")

    def authenticated(self, raw: bytes) -> Fields:
        fields = dict(parse_qsl(raw.decode(), keep_blank_values=True, strict_parsing=True))
        known = str(self.merchant.certificate.serial_number)
        if (fields.get("certId"), fields.get("merId"), fields.get("signMethod")) != (known, MERCHANT, "01"):
            raise Fault("11")
        if (fields.get("version"), fields.get("encoding"), fields.get("accessType")) != ("5.1.0", "UTF-8", "0"):
            raise Fault("10")
        try:
            signature = base64.b64decode(fields["signature"], validate=True)
            self.merchant.key.public_key().verify(signature, text_of(fields), PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            raise Fault("11") from None
        return fields

    def answering(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            try:
                fields = self.authenticated(await request.body())
            except Fault as fault:
                # An unauthenticated caller gets an unsigned answer.
                return Response(f"respCode={fault.code}&respMsg=验证签名失败[9100004]")
            self.requests.append((request.url.path, fields))
            echoed = {name: value for name, value in fields.items() if name in ECHOED}
            try:
                self.strike(request.url.path)
                result = handler(fields)
            except Fault as fault:
                if fault.code.startswith("http"):
                    return Response(status_code=int(fault.code[4:]))
                result = {"respCode": fault.code, "respMsg": "说明[2000000]"}
            result = {**echoed, **result}
            if self.forge:
                return Response(self.forge(result), media_type="text/html")
            return Response(written(self.sign(result)), media_type="text/html")

        return answer

    def strike(self, path: str) -> None:
        for fault in list(self.faults):
            if fault[0] in path:
                self.faults.remove(fault)
                raise Fault(fault[1] if isinstance(fault[1], str) else f"http{fault[1]}")

    def query(self, fields: Fields) -> Fields:
        if (fields["txnType"], fields["txnSubType"], fields["bizType"]) != ("00", "00", "000000"):
            raise Fault("10")
        known = dict(self.transactions.get((fields["orderId"], fields["txnTime"]), {"code": "34"}))
        code = known.pop("code")
        if code == "34":
            raise Fault("34")
        about = {**known, "bizType": "000000", "accNo": CARD}
        return {**about, "respCode": "00", "respMsg": "成功[0000000]", "origRespCode": code, "origRespMsg": "说明[1]"}

    def refund(self, fields: Fields) -> Fields:
        kinds = (fields["txnType"], fields["txnSubType"], fields["bizType"])
        if kinds != ("04", "00", "000201") or not fields["backUrl"].endswith("/channels/unionpay/notices"):
            raise Fault("10")
        key, amount = (fields["orderId"], fields["txnTime"]), int(fields["txnAmt"])
        if key in self.transactions:
            raise Fault("12")
        paid = [known for known in self.transactions.values() if known.get("queryId") == fields["origQryId"]]
        if not paid or paid[0]["txnType"] != "01":
            raise Fault("35")
        if self.gone(fields["origQryId"]) + amount > int(paid[0]["txnAmt"]):
            raise Fault("36")
        kept = ("merId", "orderId", "txnTime", "txnType", "txnSubType", "bizType", "txnAmt", "origQryId")
        self.transactions[key] = {name: fields[name] for name in kept} | self.moved() | {"code": "05"}
        about = self.transactions[key]
        answered = {name: about[name] for name in (*kept, "queryId")}
        return {**answered, "respCode": "00", "respMsg": "成功[0000000]"}

    def file(self, fields: Fields) -> Fields:
        """Return the zipped statement of a day, deflated and base64-encoded."""
        kinds = (fields["txnType"], fields["txnSubType"], fields["bizType"], fields["fileType"])
        if kinds != ("76", "01", "000000", "00"):
            raise Fault("10")
        day = fields["settleDate"]
        if day not in self.files:
            raise Fault("98")
        content = base64.b64encode(zlib.compress(self.files[day])).decode()
        named = {"fileName": f"{MERCHANT}_2026{day}.zip", "fileContent": content, "settleDate": day}
        return {**named, "fileType": "00", "respCode": "00", "respMsg": "成功[0000000]"}

    def gone(self, query_id: str) -> int:
        """The refunded and pending refund amount of a payment, in fen."""
        return sum(
            int(known["txnAmt"])
            for known in self.transactions.values()
            if known.get("origQryId") == query_id and known["code"] in {"00", "05"}
        )


def written(fields: Fields) -> str:
    """Format an answer as unescaped name=value pairs."""
    return "&".join(f"{name}={value}" for name, value in fields.items())


def beijing(text: str) -> datetime:
    return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=BEIJING)
