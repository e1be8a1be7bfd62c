"""Runs a channel call, records metrics and maps failures to `Unclear`."""

import time
from collections.abc import Awaitable
from typing import TypeVar

from prometheus_client import Counter, Histogram

from chassis.http_client import NoAnswer, NotReached
from chassis.telemetry import log
from kit.signatures.refusals import BadSignature
from svc_payments.channels.provider import Unclear
from svc_payments.settings.channels import ChannelName

ANSWERS = Counter("myili_channel_answers", "What channels answered", ["channel", "question", "answer"])
ANSWER_SECONDS = Histogram("myili_channel_answer_seconds", "How long channels took", ["channel", "question"])
NOTICES = Counter("myili_channel_notices", "Notices of channels: taken, or why not", ["channel", "outcome"])

A = TypeVar("A")


class NotUnderstood(NoAnswer):
    """A genuine answer that is invalid, or in which the channel does not know either."""


async def observed(channel: ChannelName, question: str, request: Awaitable[A]) -> A | Unclear:
    """The answer, or `Unclear` when there was none that can be trusted."""
    started = time.perf_counter()
    answer: A | Unclear
    try:
        answer = await request
    except (NotReached, NoAnswer, BadSignature) as error:
        log.warning("channel_unclear", channel=channel, question=question, reason=str(error))
        answer = Unclear(str(error))
    ANSWER_SECONDS.labels(channel, question).observe(time.perf_counter() - started)
    ANSWERS.labels(channel, question, type(answer).__name__.lower()).inc()
    return answer
