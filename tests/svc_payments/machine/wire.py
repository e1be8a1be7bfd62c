"""A wire to an outside system that loses, duplicates or delays messages on command."""

import json
from dataclasses import dataclass, field

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.svc_payments.machine.entities import Line

_NOTHING = Response("Nobody is there.", 503)
"""Unsigned, so the caller cannot conclude anything from it."""


@dataclass
class Letter:
    """A request that its sender gave up on and that is not delivered yet."""

    kind: str
    """Such as orders, close or refunds."""
    about: str
    """The number of the order, posting or refund."""
    scope: Scope
    body: bytes


@dataclass
class Wire:
    """Wraps the application of an outside party; `line` decides how the next requests are treated."""

    app: ASGIApp
    line: Line = Line.GOOD
    delayed: list[Letter] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise NotImplementedError("the wire carries HTTP only; the application's lifespan does not run")
        body = await _whole(receive)
        writes = scope["method"] == "POST"
        if self.line is Line.LOST or (self.line is Line.LATE and writes):
            if writes and self.line is Line.LATE:
                self.delayed.append(_letter(scope, body))
            await _NOTHING(scope, receive, send)
            return
        answer = await self._forward(scope, body)
        if self.line is Line.TWICE and writes:
            await self._forward(scope, body)
        if self.line is Line.ANSWER_LOST:
            await _NOTHING(scope, receive, send)
            return
        for message in answer:
            await send(message)

    async def arrive(self, kind: str, about: str) -> None:
        """Deliver the delayed requests of this kind and number; their answers are dropped."""
        for letter in [each for each in self.delayed if (each.kind, each.about) == (kind, about)]:
            self.delayed.remove(letter)
            await self._forward(letter.scope, letter.body)

    def drop(self, kind: str, about: str) -> None:
        self.delayed = [each for each in self.delayed if (each.kind, each.about) != (kind, about)]

    async def _forward(self, scope: Scope, body: bytes) -> list[Message]:
        answer: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            answer.append(message)

        await self.app({**scope, "state": {}}, receive, send)
        return answer


def _letter(scope: Scope, body: bytes) -> Letter:
    first, *rest = scope["path"].strip("/").split("/")
    if rest:
        return Letter(rest[-1], rest[0], scope, body)
    names = {"orders": "order_number", "postings": "posting_id", "refunds": "refund_number"}
    return Letter(first, json.loads(body)[names[first]], scope, body)


async def _whole(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body
