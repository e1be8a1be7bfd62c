"""The rules of every signed call: what a company must refuse, whatever it is asked."""

import json
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache, partial
from http import HTTPStatus
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from kit.conformance.probe import Answer, Call, Company, Prober, Trial, Twist
from kit.conformance.results import Fault, Seen, Tried
from kit.signatures.messages import RECIPIENT

Rule = Callable[[Trial], Awaitable[Fault | None]]
Try = Callable[[], Awaitable[Fault | None]]
Question = Callable[[Trial, str], Call]
"""Makes a call whose id stands for this use of it within the trial."""
_STALE_SECONDS = 1_200
_LONG_SECONDS = 86_400
_OF_BODIES = frozenset({"other_body"})
_UNANSWERED = frozenset({Fault.NOT_REACHED, Fault.NO_ANSWER, Fault.ADDRESS_REFUSED})


async def tried(prober: Prober, company: Company, run_id: UUID, name: str, rule: Rule, earlier: Seen) -> Tried:
    """Try one rule."""
    trial = Trial(prober, company, run_id, name, earlier)
    fault = await rule(trial)
    return Tried(rule=name, outcome="failed" if fault else "passed", fault=fault, exchanges=trial.exchanges)


def is_unanswered(result: Tried) -> bool:
    """Whether the company could not be asked at all, so that asking further makes no sense."""
    return result.fault in _UNANSWERED


def fault_of(answer: Answer) -> Fault | None:
    """Why an answer is none of the contract's."""
    return answer.fault or (None if answer.is_ok else Fault.WRONG_STATUS)


def unrefused(answer: Answer, *, only_401: bool = True) -> Fault | None:
    """Why an answer is not the refusal that it should be."""
    if answer.fault:
        return answer.fault
    if answer.status == HTTPStatus.UNAUTHORIZED:
        return None
    if HTTPStatus.BAD_REQUEST <= answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return Fault.WRONG_REFUSAL if only_401 else None
    return Fault.ACCEPTED if answer.status < HTTPStatus.BAD_REQUEST else Fault.WRONG_REFUSAL


async def in_any_order(one: Try, other: Try) -> Fault | None:
    """Try both in a random order, up to the first fault."""
    first, second = (one, other) if secrets.randbelow(2) else (other, one)
    return await first() or await second()


def refusals_of(question: Question, other_path: str) -> Mapping[str, Rule]:
    """The rules about signatures and bodies, tried with this question. `other_path` is one that the company has too.

    The same call rightly signed is sent before or after the altered one, which nobody foresees: who verifies nothing,
    and looks at the content or counts the calls, refuses the wrong one.
    """
    return {
        **{name: _refused(name, question, twists_of) for name, twists_of in _twists(other_path).items()},
        "replay": _replayed(question),
        "other_company": _other_company(question),
        "repeated_member": _repeated_member(question),
    }


def refuses_all(question: Question, other_path: str) -> Rule:
    """One rule of all refusals, for a call that has none of its own; rightly signed it comes at a random place."""

    async def rule(trial: Trial) -> Fault | None:
        asked = question(trial, "signature")
        has_body = asked.content is not None
        twists = [
            twist
            for name, twists_of in _twists(other_path).items()
            if has_body or name not in _OF_BODIES
            for twist in twists_of(trial, asked)
        ]
        tries: list[Try] = [partial(_unrefused, trial, asked, twist) for twist in twists]
        tries.insert(secrets.randbelow(len(tries) + 1), partial(_answered, trial, asked))
        of_bodies = (_other_company(question), _repeated_member(question)) if has_body else ()
        tries += [partial(other, trial) for other in (_replayed(question), *of_bodies)]
        for each in tries:
            if fault := await each():
                return fault
        return None

    return rule


def _twists(other_path: str) -> Mapping[str, Callable[[Trial, Call], Sequence[Twist]]]:
    """What is altered for each rule about signatures."""
    return {
        "unsigned": lambda _trial, _call: [Twist("unsigned", unsigned=True)],
        "wrong_signature": lambda _trial, _call: [Twist("signature", is_broken=True)],
        "unknown_key": lambda _trial, _call: [Twist("key", key=_strangers_key())],
        "other_path": lambda _trial, _call: [Twist("path", signed_path=other_path)],
        "other_body": lambda _trial, call: [Twist("body", sent_body=_changed(call))],
        "other_recipient": lambda trial, _call: [Twist("recipient", recipient=trial.id_of("recipient"))],
        "old_time": lambda _trial, _call: [Twist("time", created=int(time.time()) - _STALE_SECONDS)],
        "fewer_components": lambda _trial, call: [Twist(f"without {each}", without=each) for each in _covered(call)],
        "long_life": lambda _trial, _call: [Twist("expires", lives_seconds=_LONG_SECONDS)],
    }


def _refused(name: str, question: Question, twists_of: Callable[[Trial, Call], Sequence[Twist]]) -> Rule:
    async def rule(trial: Trial) -> Fault | None:
        asked = question(trial, name)

        for twist in twists_of(trial, asked):
            altered, right = partial(_unrefused, trial, asked, twist), partial(_answered, trial, asked)
            if fault := await in_any_order(altered, right):
                return fault
        return None

    return rule


async def _unrefused(trial: Trial, asked: Call, twist: Twist) -> Fault | None:
    return unrefused(await trial.send(asked, twist))


async def _answered(trial: Trial, asked: Call) -> Fault | None:
    return fault_of(await trial.send(asked))


def _covered(call: Call) -> Sequence[str]:
    """The components of a signature."""
    always = ("@method", "@target-uri", "content-digest", RECIPIENT.lower())
    return always if call.content is None else (*always, "content-type")


def _replayed(question: Question) -> Rule:
    async def rule(trial: Trial) -> Fault | None:
        asked, nonce, created = question(trial, "replay"), uuid4().hex, int(time.time())
        first = await trial.send(asked, Twist(nonce=nonce, created=created))
        if fault := fault_of(first):
            return fault
        return unrefused(await trial.send(asked, Twist("sent again", nonce=nonce, created=created)))

    return rule


def _other_company(question: Question) -> Rule:
    async def rule(trial: Trial) -> Fault | None:
        asked = question(trial, "other_company")
        other = {**(asked.content or {}), "provider_id": str(trial.id_of("other"))}
        answer = await trial.send(Call(asked.method, asked.path, other), Twist("provider_id of the body"))
        return unrefused(answer, only_401=False)

    return rule


def _repeated_member(question: Question) -> Rule:
    async def rule(trial: Trial) -> Fault | None:
        asked = question(trial, "repeated_member")
        doubled = _Doubled(asked.method, asked.path, asked.content)
        return unrefused(await trial.send(doubled, Twist("a member twice")), only_401=False)

    return rule


class _Doubled(Call):
    """A call whose body has its first member twice, with the same value."""

    @property
    def body(self) -> bytes:
        content = self.content or {}
        name, value = next(iter(content.items()))
        return super().body[:-1] + f", {json.dumps(name)}: {json.dumps(value)}}}".encode()


def _changed(call: Call) -> bytes:
    return json.dumps({**(call.content or {}), "remark": "changed on the way"}, ensure_ascii=False).encode()


@cache
def _strangers_key() -> RSAPrivateKey:
    """A key that the platform does not publish."""
    return generate_private_key(65537, 2048)
