"""Copies of the reference provider with one fault each, and the rules that this fault breaks."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import Route

from contracts.reference_provider import platform_signature, server
from contracts.reference_provider.books import Books
from contracts.reference_provider.inbox import Delivery, Inbox
from contracts.reference_provider.platform_signature import Call, NotFromPlatform, Signed, verify
from tests.contracts.reference_provider.processes import Platform
from tests.svc_services.providers.conformance.examined import Applicant, system_of
from tests.svc_services.providers.conformance.faults import SLOW_SECONDS, Fault, Wrapped, fault
from tests.svc_services.providers.conformance.faulty_payments import PAYMENT_FAULTS

_OF_OTHER_RULES = 10
"""Calls of a run before those that are to be refused."""


def faulty(made: Fault, applicant: Applicant, platform: Platform, folder: Path, patch: pytest.MonkeyPatch) -> Starlette:
    app = system_of(applicant, platform, folder)
    app.state.folder = folder
    made.apply(app, patch)
    return app


def _answers(replace: Callable[[str], str]) -> Callable[[Starlette, pytest.MonkeyPatch], None]:
    def apply(app: Starlette, _patch: pytest.MonkeyPatch) -> None:
        books: Books = app.state.books
        app.state.books = Wrapped(books, verify_holder=lambda *asked: replace(books.verify_holder(*asked)))

    return apply


def _tolerates(*reasons: str) -> Callable[[Starlette, pytest.MonkeyPatch], None]:
    """Takes calls that the signature check refuses for these reasons."""

    def apply(_app: Starlette, patch: pytest.MonkeyPatch) -> None:
        async def lax(keys: Any, provider_id: str, call: Call) -> Signed:  # noqa: ANN401 - as in the server
            try:
                return await verify(keys, provider_id, call)
            except NotFromPlatform as refused:
                if str(refused) not in reasons:
                    raise
                return Signed(str(dict(call.headers.items()).get("signature", id(call))), 2_000_000_000)

        patch.setattr(server, "verify", lax)

    return apply


def verifies_nothing(_app: Starlette, patch: pytest.MonkeyPatch) -> None:
    """Refuses what it expects to be altered: of the calls after the first ten every other one."""
    calls = 0

    async def guess(_keys: Any, _provider_id: str, call: Call) -> Signed:  # noqa: ANN401 - as in the server
        nonlocal calls
        calls += 1
        if calls > _OF_OTHER_RULES and calls % 2:
            raise NotFromPlatform("signature")
        return Signed(str(dict(call.headers.items()).get("signature", id(call))), 2_000_000_000)

    patch.setattr(server, "verify", guess)


def _takes_any_of_its_paths(_app: Starlette, patch: pytest.MonkeyPatch) -> None:
    async def lax(keys: Any, provider_id: str, call: Call) -> Signed:  # noqa: ANN401 - as in the server
        try:
            return await verify(keys, provider_id, call)
        except NotFromPlatform:
            path = "bill-inquiries" if call.url.endswith("/account-verifications") else "account-verifications"
            *address, _path = call.url.split("/", 3)
            url = "/".join((*address, path))
            return await verify(keys, provider_id, Call(call.method, url, call.headers, call.body))

    patch.setattr(server, "verify", lax)


def _uses_nonces_again(app: Starlette, _patch: pytest.MonkeyPatch) -> None:
    app.state.books = Wrapped(app.state.books, first_use=lambda *_: True)


def _forgets_nonces_at_the_restart(app: Starlette, _patch: pytest.MonkeyPatch) -> None:
    seen: set[str] = set()

    def first_use(nonce: str, _expires: int) -> bool:
        is_new = nonce not in seen
        seen.add(nonce)
        return is_new

    app.state.books = Wrapped(app.state.books, first_use=first_use)


def _reads(apply: Callable[[Any, dict[str, Any]], str | None]) -> Callable[[Starlette, pytest.MonkeyPatch], None]:
    """Answers a verification by what `apply` says, given the company's memory and the body; None: as it should."""

    def install(app: Starlette, _patch: pytest.MonkeyPatch) -> None:
        memory: dict[Any, Any] = {}
        honest = server.verify_account

        async def verify_account(request: Any) -> Any:  # noqa: ANN401 - Starlette's
            answer = await honest(request)
            body = json.loads(await request.body())
            result = apply(memory, body) if answer.status_code == 200 else None
            return JSONResponse({"result": result}) if result else answer

        app.router.routes.insert(0, Route("/account-verifications", verify_account, methods=["POST"]))

    return install


def _forgets_requests(memory: dict[Any, Any], body: dict[str, Any]) -> str | None:
    known = body["request_id"] in memory
    memory[body["request_id"]] = True
    return "no_account" if known else None


def _changes_its_mind(memory: dict[Any, Any], body: dict[str, Any]) -> str | None:
    asked = body["account_number"], body["holder_name"]
    return "no_account" if memory.setdefault(asked, body["request_id"]) != body["request_id"] else None


def _slow(_app: Starlette, patch: pytest.MonkeyPatch) -> None:
    honest = server.content_from_platform

    async def slow(request: Any) -> Any:  # noqa: ANN401 - Starlette's
        content = await honest(request)
        await asyncio.sleep(SLOW_SECONDS)
        return content

    patch.setattr(server, "content_from_platform", slow)


def _loses_accounts_at_the_restart(app: Starlette, _patch: pytest.MonkeyPatch) -> None:
    marker: Path = app.state.folder / "was_started"
    if marker.exists():
        app.state.books = Wrapped(app.state.books, verify_holder=lambda *_: "no_account")
    marker.touch()


def _ignores_whom_the_body_names(_app: Starlette, patch: pytest.MonkeyPatch) -> None:
    async def lax(request: Any) -> dict[str, Any]:  # noqa: ANN401 - Starlette's
        return server.parse(await server.body_from_platform(request))

    patch.setattr(server, "content_from_platform", lax)


def _takes_members_twice(_app: Starlette, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(server, "members", dict)


def _takes_long_lives(_app: Starlette, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(platform_signature, "LONGEST_LIFE", 1_000_000)


def _inbox(change: Callable[[Inbox, Delivery], None]) -> Callable[[Starlette, pytest.MonkeyPatch], None]:
    """Receives deliveries in another way."""

    def install(app: Starlette, _patch: pytest.MonkeyPatch) -> None:
        inbox: Inbox = app.state.books.inbox
        app.state.books = Wrapped(app.state.books)
        app.state.books.inbox = Wrapped(inbox, receive=lambda delivery: change(inbox, delivery))

    return install


def _knows_its_kinds_alone(inbox: Inbox, delivery: Delivery) -> None:
    if delivery.kind.startswith("kind_of"):
        raise HTTPException(422, "bad_kind")
    inbox.receive(delivery)


def _receives_once(inbox: Inbox, delivery: Delivery) -> None:
    if delivery.delivery_id in {each["delivery_id"] for each in inbox.newest(limit=100)}:
        raise HTTPException(409, "known")
    inbox.receive(delivery)


_BODIES = (
    *("posting_signature", "cancellation_signature", "inquiry_signature", "top_up_signature"),
    "delivery_signature",
)
_SIGNED = (*_BODIES, "query_signature")
FAULTS = (
    fault("says no", _answers(lambda said: "no_match" if said == "match" else said), "right_answer"),
    fault("says yes", _answers(lambda said: "match" if said == "no_match" else said), "other_name"),
    fault(
        "knows every account", _answers(lambda said: "no_match" if said == "no_account" else said), "unknown_account"
    ),
    fault("forgets requests", _reads(_forgets_requests), "duplicate_delivery"),
    fault("changes its mind", _reads(_changes_its_mind), "contradiction"),
    fault("slow", _slow, "in_time", "posting_in_time", "inquiry_in_time"),
    fault("takes unsigned calls", _tolerates("unsigned"), "unsigned", *_SIGNED),
    fault("takes any signature", _tolerates("wrong_signature"), "wrong_signature", "other_path", *_SIGNED),
    fault("takes any key", _tolerates("unknown_key"), "unknown_key", *_SIGNED),
    fault("takes any of its paths", _takes_any_of_its_paths, "other_path", *_SIGNED),
    fault("takes any body", _tolerates("wrong_digest"), "other_body", *_BODIES),
    fault("takes any recipient", _tolerates("other_recipient"), "other_recipient", *_SIGNED),
    fault("takes old calls", _tolerates("clock_skew"), "old_time", "long_life", *_SIGNED),
    fault("takes less", _tolerates("components_mismatch"), "fewer_components", *_SIGNED),
    fault("takes long lives", _takes_long_lives, "long_life", *_SIGNED),
    fault("uses nonces again", _uses_nonces_again, "replay", "replay_after_restart", *_SIGNED),
    fault("forgets nonces", _forgets_nonces_at_the_restart, "replay_after_restart"),
    fault("ignores whom the body names", _ignores_whom_the_body_names, "other_company", *_BODIES),
    fault("takes members twice", _takes_members_twice, "repeated_member", *_BODIES),
    fault("knows its kinds alone", _inbox(_knows_its_kinds_alone), "delivery_received"),
    fault("receives once", _inbox(_receives_once), "delivery_again"),
    fault("loses accounts", _loses_accounts_at_the_restart, "after_restart"),
    *PAYMENT_FAULTS,
)
