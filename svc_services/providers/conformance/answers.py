"""What the rules of payments ask of an answer."""

from kit.conformance.probe import Answer, Trial
from kit.conformance.results import Fault
from kit.conformance.rules import fault_of, unrefused

_LONGEST = 200


def is_text(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST and value.isprintable()


def expect(answer: Answer, *results: str) -> Fault | None:
    """One of these results, with what the contract asks for beside it."""
    if fault := fault_of(answer):
        return fault
    result, content = answer.content.get("result"), answer.content
    beside = {"booked": "provider_reference", "refused": "reason"}.get(str(result))
    is_whole = beside is None or is_text(content.get(beside))
    return None if result in results and is_whole else Fault.WRONG_ANSWER


def expect_unbooked(answer: Answer) -> Fault | None:
    """A refusal, as a status or as a result."""
    if answer.is_ok and answer.content.get("result") == "booked":
        return Fault.ACCEPTED
    return expect(answer, "refused") if answer.is_ok else unrefused(answer, only_401=False)


def expect_same(one: Answer, other: Answer) -> Fault | None:
    names = ("result", "provider_reference")
    return None if all(one.content.get(name) == other.content.get(name) for name in names) else Fault.CHANGED


def expect_quick(trial: Trial, answer: Answer) -> Fault | None:
    return Fault.SLOW if answer.milliseconds > trial.prober.quick_seconds * 1_000 else None
