"""What a company's sandbox must do with deliveries: receive each, known or not, as often as it comes."""

from collections.abc import Mapping

from kit.conformance.probe import Answer, Call, Trial
from kit.conformance.results import Fault
from kit.conformance.rules import Rule, fault_of, refuses_all

_PATH, _OTHER_PATH = "/deliveries", "/account-verifications"
_KINDS = ("application_submitted", "application_moved", "meter_reading_taken", "holder_change_done")
_UNKNOWN_KIND = "kind_of_a_later_version"
_OCCURRED_AT = "2026-01-05T04:00:00+00:00"
_STEP: Mapping[str, str | int | bool] = {"actor": "citizen", "state": "submitted", "version": 1, "ended": False}
_DETAILS: Mapping[str, Mapping[str, str | int | bool]] = {
    "application_submitted": {**_STEP, "action": "submit"},
    "application_moved": {**_STEP, "action": "withdraw", "state": "withdrawn", "version": 2, "ended": True},
    "meter_reading_taken": {"number": 1},
}


def delivery_rules() -> Mapping[str, Rule]:
    """Every company has cases handed over, however it is paid."""
    return {
        "delivery_received": _received,
        "delivery_again": _received_again,
        "delivery_signature": refuses_all(lambda trial, use: _delivery(trial, _KINDS[0], use), _OTHER_PATH),
    }


async def _received(trial: Trial) -> Fault | None:
    for kind in (*_KINDS, _UNKNOWN_KIND):
        if fault := _unreceived(await trial.send(_delivery(trial, kind, kind))):
            return fault
    return None


async def _received_again(trial: Trial) -> Fault | None:
    sent = _delivery(trial, _KINDS[0], "one")
    return _unreceived(await trial.send(sent)) or _unreceived(await trial.send(sent))


def _unreceived(answer: Answer) -> Fault | None:
    wrong = None if answer.content.get("result") == "received" else Fault.WRONG_ANSWER
    return fault_of(answer) or wrong


def _delivery(trial: Trial, kind: str, use: str) -> Call:
    content = {
        "provider_id": str(trial.company.provider_id),
        "delivery_id": str(trial.id_of(use)),
        "kind": kind,
        "subject_id": str(trial.id_of(f"subject of {use}")),
        "occurred_at": _OCCURRED_AT,
        "details": dict(_DETAILS.get(kind, {})),
    }
    return Call("POST", _PATH, content)
