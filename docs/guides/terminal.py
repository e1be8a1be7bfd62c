"""What `terminal.sh` does not do in shell: signs in through the pages, makes numbers up."""

import base64
import hashlib
import hmac
import json
import os
import re
import secrets
import socket
import sys
import time
from collections.abc import Callable
from datetime import date, timedelta
from html import unescape
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit
from urllib.request import HTTPCookieProcessor, HTTPRedirectHandler, OpenerDirector, Request, build_opener, urlopen

SCOPES = {
    "myili-app": "openid profile phone bills pay accounts applications mini_apps offline_access",
    "myili-staff": "openid profile staff offline_access",
}
TRIES, TOO_MANY_REQUESTS, UNPROCESSABLE, PORTS = 5, 429, 422, 100
REDIRECT_URI = "http://127.0.0.1:53682/callback"
KEY = re.compile(r'<p class="key">.*?<code dir="ltr">([A-Z2-7 ]+)</code>', re.DOTALL)
FORM = re.compile(r'<form method="post" action="([^"]+)"[^>]*>(.*?)</form>', re.DOTALL)
FIELD = re.compile(r'<input[^>]* name="([^"]+)"(?:[^>]* value="([^"]*)")?')
ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
Submit = Callable[..., tuple[str, str]]
USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def address(name: str) -> str:
    """An address, or an operator's phone, of the platform that runs on the default data folder."""
    announcement = Path("var/local/platform.json")
    if not announcement.exists():
        return ""
    return str(json.loads(announcement.read_text("utf-8"))["addresses"][name])


def free_port(first: str) -> str:
    """The first port from this one on that no program of this machine listens on."""
    for port in range(int(first), int(first) + PORTS):
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return str(port)
    sys.exit(f"No port from {first} on is free.")


def sign_in(gateway: str, sms: str, phone: str, client_id: str, enrolment_code: str = "") -> str:
    return tokens(gateway, sms, phone, client_id, enrolment_code)["access_token"]


def sign_in_proofed(gateway: str, sms: str, phone: str, client_id: str, enrolment_code: str = "") -> str:
    issued = tokens(gateway, sms, phone, client_id, enrolment_code)
    me = f"{gateway}/identity/v1/me"
    headers = {"Authorization": f"Bearer {issued['access_token']}", "Content-Type": "application/json"}
    with urlopen(Request(me, headers=headers)) as answer:  # noqa: S310 - the platform's address
        if json.load(answer)["assurance_level"] > 1:
            return issued["access_token"]
    proof = json.dumps({"name": "测试人员", "id_number": id_number(), "consent_version": agreed(gateway)}).encode()
    proofing = Request(f"{me}/proofing", proof, {**headers, "Idempotency-Key": secrets.token_hex(16)})  # noqa: S310
    urlopen(proofing).close()  # noqa: S310
    form = {"grant_type": "refresh_token", "refresh_token": issued["refresh_token"], "client_id": client_id}
    return redeem(gateway, form)["access_token"]


def agreed(gateway: str) -> str:
    """The version of the agreements in force."""
    with urlopen(f"{gateway}/identity/v1/agreements") as answer:  # noqa: S310 - the platform's address
        return str(json.load(answer)["version"])


def tokens(gateway: str, sms: str, phone: str, client_id: str, enrolment_code: str) -> dict[str, str]:
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    query = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": REDIRECT_URI,
        "scope": SCOPES[client_id],
        "state": secrets.token_urlsafe(16),
        "nonce": secrets.token_urlsafe(16),
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    code = pages(sms, phone, f"{gateway}/identity/v1/oauth/authorize?{urlencode(query)}", enrolment_code)
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT_URI}
    return redeem(gateway, form | {"code_verifier": verifier, "client_id": client_id})


def redeem(gateway: str, form: dict[str, str]) -> dict[str, str]:
    with urlopen(f"{gateway}/identity/v1/oauth/token", urlencode(form).encode()) as answer:  # noqa: S310 - the platform's address
        tokens: dict[str, str] = json.load(answer)
        return tokens


class _Stay(HTTPRedirectHandler):
    """The last redirect is the app's: nothing answers there."""

    def redirect_request(self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Request | None:  # noqa: ANN401 - urllib's own signature
        if newurl.startswith(REDIRECT_URI):
            return None
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def authenticators() -> dict[str, str]:
    """Keys of authenticator apps by phone: of the operators, and those that `sign_in` has set up."""
    kept = Path(os.environ.get("AUTHENTICATORS", ""))
    known = json.loads(kept.read_text("utf-8") or "{}") if kept.is_file() else {}
    for name in ("OPERATOR", "SECOND_OPERATOR"):
        if key := os.environ.get(f"{name}_AUTHENTICATOR"):
            known.setdefault(os.environ.get(name, ""), key)
    return dict(known)


def totp(key: str, step: int) -> str:
    """The code of an authenticator app (RFC 6238)."""
    digest = hmac.digest(base64.b32decode(key), step.to_bytes(8, "big"), "sha1")
    start = digest[-1] & 15
    return f"{(int.from_bytes(digest[start : start + 4], 'big') & 0x7FFFFFFF) % 10**6:06}"


def load(browser: OpenerDirector, address: str, form: bytes | None = None) -> tuple[str, str]:
    for _ in range(TRIES):
        try:
            with browser.open(address, form) as answer:
                return answer.url, answer.read().decode()
        except HTTPError as error:
            if location := error.headers.get("Location"):
                return location, ""
            if error.code == UNPROCESSABLE:  # a page that says what was wrong, with its form
                return address, error.read().decode()
            if error.code != TOO_MANY_REQUESTS:  # a code for the same phone again within a second
                sys.exit(f"{urlsplit(address).path} answered {error.code}.")
            time.sleep(1)
    sys.exit(f"{urlsplit(address).path} still answers {TOO_MANY_REQUESTS}; try again later.")


def pages(sms: str, phone: str, url: str, enrolment_code: str = "") -> str:
    """The code with which the browser comes back to the app."""
    browser = build_opener(HTTPCookieProcessor(CookieJar()), _Stay)

    def submit(at: str, page: str, **values: str) -> tuple[str, str]:
        for action, content in FORM.findall(page):
            fields = {name: unescape(value) for name, value in FIELD.findall(content)}
            if values.keys() <= fields.keys():
                return load(browser, urljoin(at, unescape(action)), urlencode({**fields, **values}).encode())
        sys.exit(f"The page at {at} has no field {', '.join(values)}.")

    at, page = submit(*load(browser, url), phone=phone)
    with urlopen(f"{sms}/messages?{urlencode({'phone': phone})}") as messages:  # noqa: S310 - the sandbox's address
        items = json.load(messages)["items"]
    digits = next(each["params"]["code"] for each in items if each["template"] == "sign_in_code")
    back, page = submit(at, page, code=digits)
    if back.endswith("/factor"):
        back = second_factor(submit, phone, back, page, enrolment_code)
    return parse_qs(urlsplit(back).query).get("code", [f"no code in {back}"])[0]


def second_factor(submit: Submit, phone: str, at: str, page: str, enrolment_code: str) -> str:
    """Where the browser is sent after a code of the authenticator app, which is set up first where there is none."""
    known, step = authenticators(), int(time.time()) // 30 - 1
    if shown := KEY.search(page):
        key = shown[1].replace(" ", "")
        at, page = submit(at, page, code=totp(key, step), enrolment_code=enrolment_code)
        Path(os.environ["AUTHENTICATORS"]).write_text(json.dumps(known | {phone: key}), "utf-8")
        return submit(at, page, ui_locales="en")[0]
    while at.endswith("/factor"):  # a code is good once, and the last one may have been used a moment ago
        while step > int(time.time()) // 30 + 1:
            time.sleep(1)
        at, page = submit(at, page, code=totp(known[phone], step))
        step += 1
    return at


def id_number(year: str = "") -> str:
    """18 characters with the check character of GB 11643; of somebody born in a year, or of an adult."""
    days = 365 if year else 20_000
    born = date(int(year or 1950), 1, 1) + timedelta(days=secrets.randbelow(days))
    digits = f"654002{born:%Y%m%d}{secrets.randbelow(1000):03}"
    total = sum(int(digit) * weight for digit, weight in zip(digits, ID_WEIGHTS, strict=True))
    return digits + "10X98765432"[total % 11]


def uscc(kind: str = "91") -> str:
    """A unified social credit code with the check character of GB 32100: `91` a company, `12` an institution."""
    body = f"{kind or '91'}654000" + "".join(secrets.choice(USCC_ALPHABET) for _ in range(8)) + "A"
    total = sum(USCC_ALPHABET.index(character) * pow(3, place, 31) for place, character in enumerate(body))
    return body + USCC_ALPHABET[-total % 31]


def commands(guide: str) -> str:
    return "".join(re.findall(r"^```sh\n(.*?)^```$", Path(guide).read_text("utf-8"), re.DOTALL | re.MULTILINE))


COMMANDS: dict[str, Callable[..., str]] = {
    "address": address,
    "free-port": free_port,
    "sign-in": sign_in,
    "sign-in-proofed": sign_in_proofed,
    "pages": pages,
    "id-number": id_number,
    "uscc": uscc,
    "commands": commands,
}

if __name__ == "__main__":
    print(COMMANDS[sys.argv[1]](*sys.argv[2:]))
