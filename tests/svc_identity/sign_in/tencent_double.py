"""Tencent Cloud's API as its documentation describes it (signature method v3), written without the adapter's code.

It reads the request from the socket, recomputes the signature from what arrived, and answers as SendSms does.
"""

import json
import threading
import time
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import new as mac
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET_ID, SECRET_KEY = "AKIDexample", "Gu5t9xGARNpq86cd98joQYCN3example"
SKEW = 300


@dataclass
class Double:
    code: str = "Ok"
    status: int = 200
    raw: bytes | None = None
    messages: list[dict[str, Any]] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        double = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                double.paths.append(self.path)
                answer = json.dumps({"Response": double.answer(self, body) | {"RequestId": "r-1"}}).encode()
                answer = double.raw or answer
                self.send_response(double.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, request: BaseHTTPRequestHandler, body: bytes) -> dict[str, Any]:
        if fault := fault_of(request, body):
            self.refusals.append(fault)
            return {"Error": {"Code": fault, "Message": "refused"}}
        message = json.loads(body)
        self.messages.append(message)
        (number,) = message["PhoneNumberSet"]
        if self.code.startswith("RequestLimitExceeded"):
            return {"Error": {"Code": self.code, "Message": "slower"}}
        status = {"SerialNo": "1", "PhoneNumber": number, "Fee": 1, "Code": self.code, "Message": f"about {number}"}
        return {"SendStatusSet": [status | {"SessionContext": "", "IsoCode": "CN"}]}


def fault_of(request: BaseHTTPRequestHandler, body: bytes) -> str | None:
    headers = {name.lower(): value.strip() for name, value in request.headers.items()}
    method, _, rest = headers["authorization"].partition(" ")
    parts = dict(part.strip().split("=", 1) for part in rest.split(","))
    secret_id, date, service, ending = parts["Credential"].split("/")
    names = parts["SignedHeaders"].split(";")
    if method != "TC3-HMAC-SHA256" or (service, ending) != ("sms", "tc3_request") or names != sorted(names):
        return "AuthFailure.InvalidAuthorization"
    if secret_id != SECRET_ID:
        return "AuthFailure.SecretIdNotFound"
    if not {"content-type", "host"} <= set(names):
        return "AuthFailure.InvalidAuthorization"
    stamp = int(headers["x-tc-timestamp"])
    if abs(time.time() - stamp) > SKEW or time.strftime("%Y-%m-%d", time.gmtime(stamp)) != date:
        return "AuthFailure.SignatureExpire"
    if (headers["x-tc-action"], headers["x-tc-version"]) != ("SendSms", "2021-01-11") or not headers["x-tc-region"]:
        return "InvalidAction"
    lines = "".join(f"{name}:{headers[name].lower()}\n" for name in names)
    canonical = "\n".join(["POST", request.path, "", lines, ";".join(names), sha256(body).hexdigest()])
    text = "\n".join(["TC3-HMAC-SHA256", str(stamp), f"{date}/sms/tc3_request", sha256(canonical.encode()).hexdigest()])
    of_date = mac(b"TC3" + SECRET_KEY.encode(), date.encode(), sha256).digest()
    of_service = mac(of_date, b"sms", sha256).digest()
    signing = mac(of_service, b"tc3_request", sha256).digest()
    expected = mac(signing, text.encode(), sha256).hexdigest()
    return None if parts["Signature"] == expected else "AuthFailure.SignatureFailure"
