"""Alipay's open platform as its documents describe it: checks every request as strictly, signs every answer alike.

An order comes into being when its payer opens it, by code, page or app; until then nobody there has heard of it.
"""

import base64
import hashlib
import io
import json
import re
import secrets
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from zoneinfo import ZoneInfo

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from svc_payments.reconciliation.statements.layouts.alipay import HEADER
from svc_payments.settings.channels import AlipaySettings
from tests.svc_payments.channels.doubles.parties import Certified, certified, key_of, private_pem, public_pem

APP, SELLER = "2021000000000001", "2088521231912068"
BEIJING = ZoneInfo("Asia/Shanghai")
PRODUCTS = {
    "alipay.trade.precreate": "FACE_TO_FACE_PAYMENT",
    "alipay.trade.page.pay": "FAST_INSTANT_TRADE_PAY",
    "alipay.trade.wap.pay": "QUICK_WAP_WAY",
    "alipay.trade.app.pay": "QUICK_MSECURITY_PAY",
}
COMMON = {"app_id", "method", "charset", "sign_type", "timestamp", "version", "sign"}
Json = dict[str, Any]
Told = tuple[bytes, dict[str, str]]


class Fault(Exception):  # noqa: N818 - an answer
    def __init__(self, code: str, sub_code: str) -> None:
        super().__init__(sub_code)
        self.code, self.sub_code = code, sub_code


def fen(yuan: str) -> int:
    whole, _, decimals = yuan.partition(".")
    assert len(decimals) == 2, yuan
    return int(whole + decimals)


def yuan(amount_fen: int) -> str:
    return f"{amount_fen // 100}.{amount_fen % 100:02}"


def moment_text(moment: datetime | None = None) -> str:
    return (moment or datetime.now(BEIJING)).astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S")


def signed_text(parameters: Mapping[str, str], charset: str = "utf-8") -> bytes:
    return "&".join(f"{name}={parameters[name]}" for name in sorted(parameters) if parameters[name]).encode(charset)


def signature(key: RSAPrivateKey, text: bytes) -> str:
    return base64.b64encode(key.sign(text, PKCS1v15(), hashes.SHA256())).decode()


def named(certified: Certified) -> str:
    """What Alipay calls a certificate of one of the parties here, whose issuers have nothing but a common name."""
    (name,) = certified.certificate.issuer
    return hashlib.md5(f"CN={name.value!s}{certified.certificate.serial_number}".encode()).hexdigest()  # noqa: S324


def strange_root() -> str:
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    moment = datetime.now(BEIJING)
    return (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), moment, moment)
        .sign(key, hashes.SHA256())
        .public_bytes(Encoding.PEM)
        .decode()
    )


@dataclass
class AlipayDouble:
    """State, keys, and what goes wrong on command."""

    app_key: RSAPrivateKey = field(default_factory=lambda: key_of("Sample Application"))
    key: RSAPrivateKey = field(default_factory=lambda: key_of("Alipay"))
    """What it signs with; its public half is what the application was given."""
    app_certificate: Certified | None = None
    certificate: Certified | None = None
    """What it signs with in certificate mode, which begins when the application's certificate is set."""
    roots: Sequence[Certified] = ()
    codes: dict[str, Json] = field(default_factory=dict)
    """Orders placed by QR code and not opened yet, by number."""
    trades: dict[str, Json] = field(default_factory=dict)
    free_text: str = '营业厅 "}],{" 一'
    not_known_yet: set[str] = field(default_factory=set)
    """Refunds that the query does not know of yet, although they are made."""
    faults: list[tuple[str, str, str]] = field(default_factory=list)
    """(part of the method, code, sub_code) of answers to come, each given once."""
    forge: Callable[[bytes, str], tuple[bytes, str]] | None = None
    """Changes an answer's signed member and its signature."""
    mangle: Callable[[bytes], bytes] | None = None
    """Changes a whole answer on its way."""
    charset: str = "utf-8"
    """Of notices."""
    requests: list[tuple[str, Json]] = field(default_factory=list)
    base_url: str = ""

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
                # One with another algorithm is among them, and is not counted.
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

    # What the payer does, and what people do in the merchant's console.

    def follow(self, pay_url: str | None, pay_parameters: Mapping[str, str] | None) -> str:
        """Scan the code, open the page, or let the app open Alipay; gives the order's number."""
        if pay_url and pay_url.startswith("https://qr.alipay.com/"):
            (content,) = (each for each in self.codes.values() if pay_url.endswith(each["code"]))
            return self.open(content)
        if pay_url:
            assert pay_url.startswith(f"{self.base_url}/gateway.do?")
            return self.open_signed(urlsplit(pay_url).query)
        assert pay_parameters
        return self.open_signed(pay_parameters["orderStr"])

    def open_signed(self, text: str) -> str:
        """What Alipay does with an order that the payer brings, signed by the application."""
        parameters = dict(parse_qsl(text, strict_parsing=True))
        content = self.authenticated(parameters)
        self.check_order(parameters, content)
        return self.open(content)

    def open(self, content: Json) -> str:
        number: str = content["out_trade_no"]
        known = self.trades.get(number)
        if known is None:
            assert content["time_expire"] > moment_text(), "opened too late"
            known = self.trades[number] = {
                "trade_no": f"20261001220014{secrets.randbelow(10**14):014}",
                "out_trade_no": number,
                "trade_status": "WAIT_BUYER_PAY",
                "total_amount": content["total_amount"],
                "gmt_create": moment_text(),
                "time_expire": content["time_expire"],
                "refunds": {},
            }
        assert known["total_amount"] == content["total_amount"]
        return number

    def pay(self, number: str) -> Json:
        trade = self.trades[number]
        trade |= {"trade_status": "TRADE_SUCCESS", "gmt_payment": moment_text()}
        return trade

    def refund_in_console(self, number: str, refund_amount: str) -> None:
        self.give_back(
            self.trades[number], {"out_request_no": f"C{secrets.token_hex(8)}", "refund_amount": refund_amount}
        )

    # Notices.

    def notice(
        self,
        number: str,
        *,
        sign_with: RSAPrivateKey | None = None,
        **changes: Any,  # noqa: ANN401 - text, or nothing
    ) -> Told:
        """The raw body and the headers of a notice of how an order stands; a change to None leaves a parameter out."""
        trade = self.trades[number]
        told: dict[str, str | None] = {
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
        return self.signed_notice({**told, **changes}, sign_with=sign_with)

    def refund_notice(self, number: str, request_number: str, **changes: Any) -> Told:  # noqa: ANN401 - as above
        trade = self.trades[number]
        gone = sum(fen(refund["refund_amount"]) for refund in trade["refunds"].values())
        told = {
            "refund_fee": yuan(gone),
            "gmt_refund": f"{trade['refunds'][request_number]['gmt_refund_pay']}.123",
            "out_biz_no": request_number,
        }
        return self.notice(number, **{**told, **changes})

    def signed_notice(self, told: Mapping[str, str | None], *, sign_with: RSAPrivateKey | None = None) -> Told:
        said = {name: value for name, value in told.items() if value is not None}
        sign = signature(sign_with or self.key, signed_text(said, self.charset))
        body = urlencode({**said, "sign": sign, "sign_type": "RSA2"}, encoding=self.charset).encode()
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
            said = {"code": "10000", "msg": "Success", **self.answered(method, parameters, content)}
        except Fault as fault:
            said = {"code": fault.code, "msg": "Business Failed", "sub_code": fault.sub_code, "sub_msg": self.free_text}
        name = f"{method.replace('.', '_')}_response"
        # Slashes are written like this by some of its systems, and by no parser that writes the answer again.
        member = json.dumps(said, ensure_ascii=False, separators=(",", ":")).replace("/", r"\/").encode()
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
        """The business content of a request that the application has signed."""
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

    def trade(self, content: Json) -> Json:
        for trade in self.trades.values():
            if content.get("trade_no", trade["trade_no"]) != trade["trade_no"]:
                continue
            if content.get("out_trade_no", trade["out_trade_no"]) == trade["out_trade_no"]:
                return trade
        raise Fault("40004", "ACQ.TRADE_NOT_EXIST")

    def check_order(self, parameters: Mapping[str, str], content: Json) -> None:
        if not (
            re.fullmatch(r"[0-9A-Za-z_]{1,64}", content["out_trade_no"])
            and re.fullmatch(r"[0-9]{1,9}\.[0-9]{2}", content["total_amount"])
            and fen(content["total_amount"]) > 0
            and 0 < len(content["subject"]) <= 128
            and not set("/=&") & set(content["subject"])
            and content["product_code"] == PRODUCTS[parameters["method"]]
            and parameters["notify_url"].endswith("/payments/v1/channels/alipay/notices")
            and re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", content["time_expire"])
            and content["time_expire"] > moment_text()
        ):
            raise Fault("40004", "ACQ.INVALID_PARAMETER")

    def precreate(self, parameters: Mapping[str, str], content: Json) -> Json:
        self.check_order(parameters, content)
        number = content["out_trade_no"]
        status = self.trades.get(number, {}).get("trade_status", "WAIT_BUYER_PAY")
        if status == "TRADE_CLOSED":
            raise Fault("40004", "ACQ.TRADE_HAS_CLOSE")
        if status != "WAIT_BUYER_PAY":
            raise Fault("40004", "ACQ.TRADE_HAS_SUCCESS")
        known = self.codes.setdefault(number, {**content, "code": f"bax{secrets.token_hex(12)}"})
        if known != {**content, "code": known["code"]}:
            raise Fault("40004", "ACQ.CONTEXT_INCONSISTENT")
        return {"out_trade_no": number, "qr_code": f"https://qr.alipay.com/{known['code']}"}

    def query(self, trade: Json) -> Json:
        paid = {"send_pay_date": trade["gmt_payment"]} if "gmt_payment" in trade else {}
        return {
            "buyer_logon_id": "159****5620",
            "buyer_pay_amount": trade["total_amount"] if paid else "0.00",
            "fund_bill_list": [{"amount": trade["total_amount"], "fund_channel": "ALIPAYACCOUNT"}] if paid else [],
            "store_name": self.free_text,
            "out_trade_no": trade["out_trade_no"],
            "total_amount": trade["total_amount"],
            "trade_no": trade["trade_no"],
            "trade_status": trade["trade_status"],
            **paid,
        }

    def close(self, trade: Json) -> Json:
        if trade["trade_status"] != "WAIT_BUYER_PAY":
            raise Fault("40004", "ACQ.REASON_TRADE_STATUS_INVALID")
        trade |= {"trade_status": "TRADE_CLOSED", "gmt_close": moment_text()}
        return {"out_trade_no": trade["out_trade_no"], "trade_no": trade["trade_no"]}

    def refund(self, trade: Json, content: Json) -> Json:
        refunds, number = trade["refunds"], content["out_request_no"]
        known = refunds.get(number)
        if known and known["refund_amount"] != content["refund_amount"]:
            raise Fault("40004", "ACQ.DISCORDANT_REPEAT_REQUEST")
        if known is None:
            self.give_back(trade, content)
        return {
            "out_trade_no": trade["out_trade_no"],
            "trade_no": trade["trade_no"],
            "buyer_logon_id": "159****5620",
            "fund_change": "N" if known else "Y",
            "refund_fee": yuan(self.refunded_fen(trade)),
        }

    def give_back(self, trade: Json, content: Json) -> None:
        if trade["trade_status"] != "TRADE_SUCCESS":
            raise Fault("40004", "ACQ.TRADE_STATUS_ERROR")
        left = fen(trade["total_amount"]) - self.refunded_fen(trade) - fen(content["refund_amount"])
        if left < 0:
            raise Fault("40004", "ACQ.REASON_TRADE_REFUND_FEE_ERR")
        trade["refunds"][content["out_request_no"]] = {
            "refund_amount": content["refund_amount"],
            "gmt_refund_pay": moment_text(),
        }
        if left == 0:
            trade |= {"trade_status": "TRADE_CLOSED", "gmt_close": moment_text()}

    def refunded_fen(self, trade: Json) -> int:
        return sum(fen(refund["refund_amount"]) for refund in trade["refunds"].values())

    def query_refund(self, trade: Json, content: Json) -> Json:
        refund = trade["refunds"].get(content["out_request_no"])
        if refund is None or content["out_request_no"] in self.not_known_yet:
            return {}
        asked = {name: refund[name] for name in content.get("query_options", ()) if name in refund}
        return {
            "out_request_no": content["out_request_no"],
            "out_trade_no": trade["out_trade_no"],
            "trade_no": trade["trade_no"],
            "total_amount": trade["total_amount"],
            "refund_amount": refund["refund_amount"],
            "refund_status": "REFUND_SUCCESS",
            **asked,
        }

    def bill(self, content: Json) -> Json:
        if content["bill_type"] != "trade" or content["bill_date"] not in self.days():
            raise Fault("40004", "isp.bill_not_exist")
        query = urlencode(
            {"bizType": "trade", "userId": SELLER, "fileType": "csv.zip", "bizDates": content["bill_date"]}
        )
        return {"bill_download_url": f"{self.base_url}/downloadBillFile.resource?{query}"}

    def days(self) -> set[str]:
        return {trade["gmt_payment"][:10] for trade in self.trades.values() if "gmt_payment" in trade}

    async def download(self, request: Request) -> Response:
        """To whoever has the address, for half a minute; signed by nobody."""
        return Response(self.bill_file(request.query_params["bizDates"]))

    def bill_file(self, day: str) -> bytes:
        """The zip of a day."""
        rows, paid_fen, back_fen, paid, back = [], 0, 0, 0, 0
        for trade in self.trades.values():
            if trade.get("gmt_payment", "").startswith(day):
                rows.append(self.bill_row(trade, "交易", trade["gmt_payment"], trade["total_amount"], ""))
                paid, paid_fen = paid + 1, paid_fen + fen(trade["total_amount"])
            for number, refund in trade["refunds"].items():
                if refund["gmt_refund_pay"].startswith(day):
                    amount = f"-{refund['refund_amount']}"
                    rows.append(self.bill_row(trade, "退款", refund["gmt_refund_pay"], amount, number))
                    back, back_fen = back + 1, back_fen + fen(refund["refund_amount"])
        in_words = "{}年{}月{}日".format(*day.split("-"))
        lines = [
            "#支付宝业务明细查询",
            f"#账号：[{SELLER}0156]",
            f"#起始日期：[{in_words} 00:00:00]   终止日期：[{in_words} 24:00:00]",
            "#-----------------------------------------业务明细列表----------------------------------------",
            HEADER,
            *rows,
            "#-----------------------------------------业务明细列表结束------------------------------------",
            f"#交易合计：{paid}笔，商家实收共{yuan(paid_fen)}元，商家优惠共0.00元",
            f"#退款合计：{back}笔，商家实收退款共-{yuan(back_fen)}元，商家优惠退款共0.00元",
            f"#导出时间：[{moment_text()}]",
        ]
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
            for name, text in (("业务明细(汇总).csv", "#支付宝业务汇总查询"), ("业务明细.csv", "\r\n".join(lines))):
                file.writestr(f"{SELLER}0156_{day.replace('-', '')}_{name}", text.encode("gb18030"))
        return archive.getvalue()

    def bill_row(self, trade: Json, kind: str, done: str, amount: str, request: str) -> str:
        head = (f"{trade['trade_no']}\t", f"{trade['out_trade_no']}\t", kind, "我的伊犁 生活缴费", trade["gmt_create"])
        tail = (done, "\t", "\t", "\t", "\t", "159****5620\t", amount, amount, *["0.00"] * 5, "")
        return ",".join((*head, *tail, "0.00\t", "0.00", f"{request}\t", "0.00", "0.00", ""))


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
