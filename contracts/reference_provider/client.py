"""The company's requests to the platform: its application, its connection, its tariffs, its bills, its holders."""

import json
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey

from contracts.reference_provider.company_proof import company_proof
from contracts.reference_provider.resumable_upload import LARGE, Upload

ATTEMPTS = 4
LONGEST_WAIT = 10.0  # seconds between two attempts
WORTH_REPEATING = {502, 503, 504}
UPLOAD_SECONDS = 900
ASSERTION_SECONDS = 60
RENEW_BEFORE = 30  # seconds before a token expires
TARIFFS, BILLS, ACCOUNTS = "tariffs:write", "bills:write", "accounts:write"
EVERYTHING = f"{TARIFFS} {BILLS} {ACCOUNTS}"
"""For requests that people make by hand."""
WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CHARSETS = {"utf-8": "utf-8", "utf-8-sig": "utf-8", "gb18030": "gb18030"}

Json = dict[str, Any]


class PlatformError(Exception):
    """The text is a sentence for the user; `code` is the platform's, if it answered."""

    def __init__(self, sentence: str, code: str = "") -> None:
        super().__init__(sentence)
        self.code = code


class Client:
    """A company's connection to the platform; an approved application has a `provider_id`."""

    def __init__(self, platform: str, key: ECKey, provider_id: str = "") -> None:
        self._platform, self._key, self._provider_id = platform.rstrip("/"), key, provider_id
        self._http = httpx.Client(base_url=self._platform, timeout=httpx.Timeout(30, read=UPLOAD_SECONDS))
        self._tokens: dict[str, tuple[str, float]] = {}

    def close(self) -> None:
        self._http.close()

    def apply(self, application: Mapping[str, Any], idempotency_key: str = "") -> Json:
        """File the application. The answer contains a token to read it, which is shown only once."""
        # A company that publishes its keys names where, in place of them.
        keys = {} if "jwks_uri" in application else {"jwks": {"keys": [self._key.as_dict(private=False)]}}
        body = {**application, **keys}
        headers = {"Idempotency-Key": idempotency_key or secrets.token_hex(16)}
        return self._send("POST", "/services/v1/provider-applications", json=body, headers=headers)

    def application(self, application_id: str, application_token: str) -> Json:
        """The application; once approved, it contains `provider_id`."""
        headers = {"Application-Token": application_token}
        return self._send("GET", f"/services/v1/provider-applications/{application_id}", headers=headers)

    def correct(self, known: Mapping[str, Any], application_token: str, fields: Mapping[str, Any]) -> Json:
        """Correct the application as it was read; refused, if somebody has corrected it since."""
        headers = {
            "Application-Token": application_token,
            "Idempotency-Key": secrets.token_hex(16),
            "If-Match": f'"{known["revision"]}"',
        }
        path = f"/services/v1/provider-applications/{known['application_id']}/corrections"
        return self._send("POST", path, headers=headers, json=fields)

    def of_application(
        self,
        method: str,
        application_id: str,
        application_token: str,
        operation: str,
        content: Mapping[str, Any] | None = None,
        language: str = "en",
    ) -> Json:
        """Name the sandbox, or start, resume or read a conformance run."""
        headers = {"Application-Token": application_token, "Accept-Language": language}
        if method == "POST":
            headers["Idempotency-Key"] = secrets.token_hex(16)
        path = f"/services/v1/provider-applications/{application_id}/{operation}"
        return self._send(method, path, json=content, headers=headers)

    def connection(self, application_token: str) -> Json:
        """The endpoint, the keys and the suspension, as the platform has them."""
        return self._send("GET", self._own("connection"), headers=self._proved("GET", "connection", application_token))

    def suspend(self, application_token: str, reason: str) -> Json:
        return self._change("suspend", application_token, {"reason": reason})

    def change_connection(self, application_token: str, change: Mapping[str, Any]) -> Json:
        """Add or end a key, correct the endpoint, declare account numbers, or resume."""
        return self._change("changes", application_token, change)

    def _change(self, operation: str, application_token: str, change: Mapping[str, Any]) -> Json:
        # The proof covers the bytes that are sent, so they are encoded once.
        content = json.dumps(change, ensure_ascii=False).encode()
        headers = {
            **self._proved("POST", operation, application_token, content),
            "Content-Type": "application/json",
            "Idempotency-Key": secrets.token_hex(16),
        }
        return self._send("POST", self._own(operation), headers=headers, body=content)

    def _own(self, operation: str) -> str:
        return f"/services/v1/providers/{self._approved_id()}/{operation}"

    def _proved(self, method: str, operation: str, application_token: str, content: bytes = b"") -> dict[str, str]:
        proof = company_proof(self._key, self._approved_id(), method, self._own(operation), content)
        return {"Application-Token": application_token, "Company-Proof": proof}

    def report_holder_change(self, report: Mapping[str, str]) -> Json:
        """Report the last day of an account's holder. Idempotent: a repeated report of a day has no effect."""
        headers = {"Idempotency-Key": secrets.token_hex(16), **self._authorisation(ACCOUNTS)}
        return self._send("POST", "/services/v1/holder-changes", json=report, headers=headers)

    def withdraw_holder_change(self, holder_change_id: str) -> Json:
        # The same key each time: after a lost answer, a repetition gets that answer and not a refusal.
        headers = {"Idempotency-Key": f"withdraw-{holder_change_id}", **self._authorisation(ACCOUNTS)}
        path = f"/services/v1/holder-changes/{quote(holder_change_id, safe='')}/withdraw"
        return self._send("POST", path, headers=headers)

    def publish_tariff(self, tariff: Mapping[str, Any], idempotency_key: str = "") -> Json:
        headers = {"Idempotency-Key": idempotency_key or secrets.token_hex(16), **self._authorisation(TARIFFS)}
        return self._send("POST", "/services/v1/tariffs", json=tariff, headers=headers)

    def upload_bills(self, path: Path, encoding: str) -> Json:
        """Send a month's file unchanged. Idempotent: sending it again has no effect.

        A large file is sent in chunks; an interrupted upload is resumed by the next call.
        """
        media_type = WORKBOOK if path.suffix.lower() == ".xlsx" else f"text/csv; charset={CHARSETS[encoding]}"
        address = f"/payments/v1/bill-files/{quote(path.name)}"
        if path.stat().st_size < LARGE:
            headers = {"Content-Type": media_type, **self._authorisation(BILLS)}
            return self._send("PUT", address, body=path, headers=headers)
        try:
            return _content("PUT", address, Upload(self._authorised, path, media_type).run(address))
        except httpx.TransportError as error:
            sentence = f"The platform at {self._platform} cannot be reached: {error}. Upload the file again later; "
            raise PlatformError(f"{sentence}the upload resumes where it stopped, within a day.") from error

    def _authorised(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, content: bytes | None = None
    ) -> httpx.Response:
        return self._http.request(
            method, path, headers={**(headers or {}), **self._authorisation(BILLS)}, content=content
        )

    def refused_rows(self, report: Mapping[str, Any]) -> Iterator[Json]:
        """All refused rows of a report, beyond the first hundred too."""
        cursor: str | None = ""
        while cursor is not None:
            query = {"cursor": cursor} if cursor else {}
            path = str(httpx.URL(report["refused_rows_url"]).path)
            page = self._send("GET", path, query=query, headers=self._authorisation(BILLS))
            yield from page["items"]
            cursor = page["next_cursor"]

    def token(self, scope: str = ACCOUNTS) -> str:
        """An access token for one purpose, by client credentials with a signed assertion (RFC 7523).

        Whoever gets hold of it in a log or a proxy can do with it what it is for, and nothing else.
        """
        known, good_until = self._tokens.get(scope, ("", 0.0))
        if time.time() < good_until:
            return known
        provider_id = self._approved_id()
        server = self._send("GET", "/identity/.well-known/openid-configuration")
        if server["issuer"] != f"{self._platform}/identity":
            # Otherwise another server could collect the assertion and use it at the real one.
            raise PlatformError(f"The platform at {self._platform} calls itself {server['issuer']}; use that address.")
        form = {
            "grant_type": "client_credentials",
            "scope": scope,
            "client_id": provider_id,
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": self._assertion(server["issuer"]),
        }
        answer = self._send("POST", httpx.URL(server["token_endpoint"]).path, form=form)
        token: str = answer["access_token"]
        self._tokens[scope] = token, time.time() + answer["expires_in"] - RENEW_BEFORE
        return token

    def wait_for_token(self, seconds: float) -> str:
        """An access token; a refusal is retried for a while, because a change of a key takes up to five seconds."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                return self.token(EVERYTHING)
            except PlatformError as refusal:
                if refusal.code != "invalid_client" or time.monotonic() >= deadline:
                    raise
                time.sleep(1)

    def _approved_id(self) -> str:
        if not self._provider_id:
            raise PlatformError("The company has no provider_id yet: its application must be approved first.")
        return self._provider_id

    def _assertion(self, issuer: str) -> str:
        now = int(time.time())
        claims = {
            "iss": self._provider_id,
            "sub": self._provider_id,
            "aud": issuer,
            "jti": secrets.token_urlsafe(16),
            "iat": now,
            "exp": now + ASSERTION_SECONDS,
        }
        header = {"alg": "ES256", "kid": self._key.kid, "typ": "JWT"}
        return jwt.encode(header, claims, self._key, algorithms=["ES256"])

    def _authorisation(self, scope: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(scope)}"}

    def _send(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        json: Mapping[str, Any] | None = None,
        form: Mapping[str, str] | None = None,
        body: bytes | Path | None = None,
    ) -> Json:
        """Send a request, with retries while the platform is unavailable; every request here is idempotent."""
        for attempt in range(ATTEMPTS):
            last = attempt == ATTEMPTS - 1
            try:
                # A file is streamed, so its size does not matter for memory.
                with body.open("rb") if isinstance(body, Path) else nullcontext(body) as content:
                    answer = self._http.request(
                        method, path, headers=headers, params=query, json=json, data=form, content=content
                    )
            except httpx.TransportError as error:
                if last:
                    raise PlatformError(f"The platform at {self._platform} cannot be reached: {error}.") from error
                asked_to_wait = ""
            else:
                asked_to_wait = answer.headers.get("Retry-After", "")
                # Some refusals are temporary, such as that of a newly approved company: Retry-After says how long.
                passing = asked_to_wait.isdecimal() and int(asked_to_wait) <= LONGEST_WAIT
                if last or not (passing or answer.status_code in WORTH_REPEATING):
                    return _content(method, path, answer)
            seconds = float(asked_to_wait) if asked_to_wait.isdecimal() else 2.0**attempt / 2
            time.sleep(min(seconds, LONGEST_WAIT))
        raise AssertionError("the last attempt returns or raises")


def _content(method: str, path: str, answer: httpx.Response) -> Json:
    try:
        content = answer.json()
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise PlatformError(f"The platform answered {method} {path} with {answer.status_code} and no JSON object.")
    if answer.is_success:
        return content
    code = str(content.get("code") or content.get("error") or "no_code")
    detail = content.get("detail") or content.get("error_description") or content.get("title") or "no reason was given"
    raise PlatformError(f"The platform refused {method} {path} ({answer.status_code}, {code}): {detail}", code)


def new_key() -> ECKey:
    """A key whose id is its RFC 7638 thumbprint, so that two keys never carry the same id.

    None whose id begins with a hyphen: on a command line that would be an option.
    """
    while (key := ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, private=True)).thumbprint()[0] == "-":
        pass
    return ECKey.import_key({**key.as_dict(private=True), "kid": key.thumbprint()})


def load_key(path: Path) -> ECKey:
    try:
        return ECKey.import_key(json.loads(path.read_text()))
    except FileNotFoundError:
        raise PlatformError(f"There is no key at {path}; make one with the command keys.") from None
