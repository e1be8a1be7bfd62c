"""A double of Alipay's open platform with the documented request checks and signatures."""

import base64
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from svc_payments.settings.channels import AlipaySettings
from tests.svc_payments.channels.doubles.alipay_bills import AlipayBills
from tests.svc_payments.channels.doubles.alipay_protocol import (
    APP,
    BEIJING,
    COMMON,
    SELLER,
    Fault,
    Json,
    RawNotice,
    fen,
    moment_text,
    named,
    signature,
    signed_text,
    strange_root,
    yuan,
)
from tests.svc_payments.channels.doubles.parties import Certified, certified, key_of, private_pem, public_pem


@dataclass
class AlipayDouble(AlipayBills):
    """State, keys and injected faults."""

    app_key: RSAPrivateKey = field(default_factory=lambda: key_of("Sample Application"))
    key: RSAPrivateKey = field(default_factory=lambda: key_of("Alipay"))
    """Alipay's signing key; the application has its public key."""
    app_certificate: Certified | None = None
    certificate: Certified | None = None
    """Alipay's signing certificate in certificate mode, which needs `app_certificate`."""
    roots: Sequence[Certified] = ()
    faults: list[tuple[str, str, str]] = field(default_factory=list)
    """Faults of the next answers: (part of the method, code, sub_code). Each is used once."""
    forge: Callable[[bytes, str], tuple[bytes, str]] | None = None
    """Changes the signed member of an answer and its signature."""
    mangle: Callable[[bytes], bytes] | None = None
    """Changes the whole body of an answer."""
    charset: str = "utf-8"
    """The charset of notices."""
    requests: list[tuple[str, Json]] = field(default_factory=list)

    def settings(self, url: str, **changes: Any) -> AlipaySettings:  # noqa: ANN401 - fields
        self.base_url = url
        usual: Json = {
            "app_id": APP,
            "seller_id": SELLER,
            "app_key": private_pem(self.app_key),
            "public_key": public_pem(self.key),
            "url": f"{url}/gateway.do",
        }
        if self.app_certificate and self.certificate:
            usual |= {
                "public_key": self.certificate.pem,
                "app_certificate": self.app_certificate.pem,
                # Includes a root with another algorithm, which the serial must skip.
                "root_certificates": "".join(root.pem for root in self.roots) + strange_root(),
            }
        return AlipaySettings(**usual | changes)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/gateway.do", self.gateway, methods=["GET", "POST"]),
                Route("/downloadBillFile.resource", self.download, methods=["GET"]),
            ]
        )

    # Actions of the payer.

    def follow(self, pay_url: str | None, pay_parameters: Mapping[str, str] | None) -> str:
        """Open an order by code, page or app; returns its number."""
        if pay_url and pay_url.startswith("https://qr.alipay.com/"):
            (content,) = (each for each in self.codes.values() if pay_url.endswith(each["code"]))
            return self.open(content)
        if pay_url:
            assert pay_url.startswith(f"{self.base_url}/gateway.do?")
            return self.open_signed(urlsplit(pay_url).query)
        assert pay_parameters
        return self.open_signed(pay_parameters["orderStr"])

    def open_signed(self, text: str) -> str:
        """Open an order from a request signed by the application."""
        parameters = dict(parse_qsl(text, strict_parsing=True))
        content = self.authenticated(parameters)
        self.check_order(parameters, content)
        return self.open(content)

    # Notices.

    def notice(
        self,
        number: str,
        *,
        sign_with: RSAPrivateKey | None = None,
        **changes: Any,  # noqa: ANN401 - text, or nothing
    ) -> RawNotice:
        """The raw body and headers of an order's notice; a change to None removes the parameter."""
        trade = self.trades[number]
        fields: dict[str, str | None] = {
            "notify_time": moment_text(),
            "notify_type": "trade_status_sync",
            "notify_id": f"{datetime.now(BEIJING):%Y%m%d}{secrets.randbelow(10**26):026}",
            "app_id": APP,
            "auth_app_id": APP,
            "charset": self.charset,
            "version": "1.0",
            "trade_no": trade["trade_no"],
            "out_trade_no": number,
            "buyer_id": "2088000000000001",
            "buyer_logon_id": "159****5620",
            "seller_id": SELLER,
            "trade_status": trade["trade_status"],
            "total_amount": trade["total_amount"],
            "subject": "我的伊犁 生活缴费",
            "gmt_create": trade["gmt_create"],
            "gmt_payment": trade.get("gmt_payment"),
            "gmt_close": trade.get("gmt_close"),
            "fund_bill_list": f'[{{"amount":"{trade["total_amount"]}","fundChannel":"ALIPAYACCOUNT"}}]',
        }
        return self.signed_notice({**fields, **changes}, sign_with=sign_with)

    def refund_notice(self, number: str, request_number: str, **changes: Any) -> RawNotice:  # noqa: ANN401 - as above
        trade = self.trades[number]
        gone = sum(fen(refund["refund_amount"]) for refund in trade["refunds"].values())
        fields = {
            "refund_fee": yuan(gone),
            "gmt_refund": f"{trade['refunds'][request_number]['gmt_refund_pay']}.123",
            "out_biz_no": request_number,
        }
        return self.notice(number, **{**fields, **changes})

    def signed_notice(self, fields: Mapping[str, str | None], *, sign_with: RSAPrivateKey | None = None) -> RawNotice:
        parameters = {name: value for name, value in fields.items() if value is not None}
        sign = signature(sign_with or self.key, signed_text(parameters, self.charset))
        body = urlencode({**parameters, "sign": sign, "sign_type": "RSA2"}, encoding=self.charset).encode()
        return body, {"Content-Type": f"application/x-www-form-urlencoded; charset={self.charset}"}

    # The gateway.

    async def gateway(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        parameters = {**request.query_params, **form}
        method = parameters.get("method", "")
        assert request.query_params.get("charset") == "utf-8", "the form could not be read"
        try:
            content = self.authenticated(parameters)
            self.requests.append((method, content))
            self.strike(method)
            answer = {"code": "10000", "msg": "Success", **self.answered(method, parameters, content)}
        except Fault as fault:
            answer = {
                "code": fault.code,
                "msg": "Business Failed",
                "sub_code": fault.sub_code,
                "sub_msg": self.free_text,
            }
        name = f"{method.replace('.', '_')}_response"
        # Some of Alipay's systems escape slashes, which a parsed and re-serialised answer would lose.
        member = json.dumps(answer, ensure_ascii=False, separators=(",", ":")).replace("/", r"\/").encode()
        sign = signature(self.key, member)
        if self.forge:
            member, sign = self.forge(member, sign)
        beside = f'"alipay_cert_sn":"{named(self.certificate)}",' if self.certificate else ""
        body = b'{"%b":%b,%b"sign":"%b"}' % (name.encode(), member, beside.encode(), sign.encode())
        body = self.mangle(body) if self.mangle else body
        return Response(body, headers={"Content-Type": "text/html;charset=utf-8", "trace_id": secrets.token_hex(15)})

    def strike(self, method: str) -> None:
        for fault in list(self.faults):
            if fault[0] in method:
                self.faults.remove(fault)
                raise Fault(fault[1], fault[2])

    def authenticated(self, parameters: Mapping[str, str]) -> Json:
        """Verify a request; returns its business content."""
        if missing := COMMON - parameters.keys():
            raise Fault("40001", f"isv.missing-{missing.pop()}")
        if parameters["app_id"] != APP:
            raise Fault("40002", "isv.invalid-app-id")
        fixed = {"format": "JSON", "charset": "utf-8", "sign_type": "RSA2", "version": "1.0"}
        if any(parameters.get(name, value) != value for name, value in fixed.items()):
            raise Fault("40002", "isv.invalid-format")
        sent_at = datetime.strptime(parameters["timestamp"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=BEIJING)
        if abs(datetime.now(BEIJING) - sent_at) > timedelta(minutes=10):
            raise Fault("40002", "isv.invalid-timestamp")
        if self.app_certificate:
            known = (named(self.app_certificate), "_".join(map(named, self.roots)))
            if (parameters.get("app_cert_sn"), parameters.get("alipay_root_cert_sn")) != known:
                raise Fault("40002", "isv.invalid-app-cert-sn")
        unsigned = {name: value for name, value in parameters.items() if name != "sign"}
        try:
            public = self.app_key.public_key()
            public.verify(base64.b64decode(parameters["sign"]), signed_text(unsigned), PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            raise Fault("40002", "isv.invalid-signature") from None
        content: Json = json.loads(parameters["biz_content"])
        return content

    def answered(self, method: str, parameters: Mapping[str, str], content: Json) -> Json:
        match method:
            case "alipay.trade.precreate":
                return self.precreate(parameters, content)
            case "alipay.trade.query":
                return self.query(self.trade(content))
            case "alipay.trade.close":
                return self.close(self.trade(content))
            case "alipay.trade.refund":
                return self.refund(self.trade(content), content)
            case "alipay.trade.fastpay.refund.query":
                return self.query_refund(self.trade(content), content)
            case "alipay.data.dataservice.bill.downloadurl.query":
                return self.bill(content)
        raise Fault("40002", "isv.invalid-method")


def certificate_double() -> AlipayDouble:
    """Alipay in certificate mode."""
    roots = [certified("Alipay's root", authority=True), certified("Alipay's older root", authority=True)]
    signer = certified("Alipay", by=roots[0])
    return AlipayDouble(
        key=signer.key,
        app_certificate=certified("Sample Application", by=roots[0]),
        certificate=signer,
        roots=roots,
    )
