"""A small workflow, and faults in it."""

from typing import Any

FORM: dict[str, Any] = {
    "type": "object",
    "properties": {
        "address": {"type": "string", "minLength": 3, "maxLength": 100},
        "phone": {"type": "string", "maxLength": 11, "pattern": "^1[3-9][0-9]{9}$"},
        "rooms": {"type": "integer", "minimum": 1, "maximum": 99},
    },
    "required": ["address"],
    "additionalProperties": False,
}


def state(name: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {"name": name, "held_by": "clerk", **more}


def action(name: str, start: str, to: str, *who: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {"name": name, "from_states": [start], "to": to, "who": list(who), **more}


def label(name: str) -> dict[str, str]:
    return {"zh": f"{name} 事项", "en": name, "kk": "اتى", "ug": "ئىسمى"}


NAMES = ("submitted", "correction", "done", "lapsed", "request_correction", "correct", "lapse", "complete", "submit")
LABELS = {name: label(name) for name in (*NAMES, *FORM["properties"])}


def definition(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    usual = {
        "labels": LABELS,
        "start": "submitted",
        "account": "none",
        "limit_days": 5,
        "states": [
            state("submitted"),
            state("correction", held_by="citizen", stops_clock=True, limit_days=10),
            state("done", ends=True),
            state("lapsed", ends=True),
        ],
        "actions": [
            action("request_correction", "submitted", "correction", "clerk", needs=["reason"]),
            action("correct", "correction", "submitted", "citizen", needs=["form"]),
            action("lapse", "correction", "lapsed", "system"),
            action("complete", "submitted", "done", "clerk"),
        ],
    }
    return {**usual, **changes}


def workflow(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    usual = {"utility_kind": "water", "application_kind": "change", "definition": definition(), "form": FORM}
    return {**usual, **changes}


def with_state(*more: dict[str, Any]) -> dict[str, Any]:
    return definition(states=[*definition()["states"], *more])


def with_action(*more: dict[str, Any]) -> dict[str, Any]:
    return definition(actions=[*definition()["actions"], *more])


def endless() -> dict[str, Any]:
    return definition(states=[{**each, "ends": False} for each in definition()["states"]])


def trapped() -> dict[str, Any]:
    bad = with_state(state("limbo"))
    bad["actions"].append(action("defer", "submitted", "limbo", "clerk"))
    return bad


def spinning() -> dict[str, Any]:
    bad = with_state(state("one", limit_days=1), state("two", limit_days=1))
    bad["actions"] += [
        action("defer", "submitted", "one", "clerk"),
        action("tick", "one", "two", "system"),
        action("tock", "two", "one", "system"),
        action("complete", "two", "done", "clerk"),
    ]
    return bad


def twice() -> dict[str, Any]:
    return with_action(action("complete", "submitted", "lapsed", "clerk"))


def with_appeal(*more: dict[str, Any], who: str = "operator", another_person: bool = True) -> dict[str, Any]:
    sound = with_state(state("appealed", held_by="operator"))
    sound["actions"] += [
        action("appeal", "done", "appealed", "citizen"),
        action("reopen", "appealed", "submitted", who, another_person=another_person),
        *more,
    ]
    return sound


def with_start(**more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return definition(states=[{**state("submitted"), **more}, *definition()["states"][1:]])


def never_counted() -> dict[str, Any]:
    return definition(states=[{**each, "stops_clock": not each.get("ends")} for each in definition()["states"]])


QUOTE = action("quote", "submitted", "correction", "provider", needs=["amount"])
PAY = action("pay", "correction", "done", "payment")
OPEN = action("activate", "submitted", "done", "provider", needs=["account_number"], effect="opens")


def going_on_without_paying() -> dict[str, Any]:
    bad = with_state(state("work"))
    bad["actions"] += [
        QUOTE,
        PAY,
        action("go_on", "correction", "work", "citizen"),
        action("finish", "work", "done", "clerk"),
    ]
    return bad


FAULTY = [
    (definition(start="done"), "workflow_bad_start", "/start"),
    (never_counted(), "workflow_bad_start", "/start"),
    (with_start(limit_days=6), "workflow_bad_limit", "/states/0/limit_days"),
    (with_state(state("waiting", stops_clock=True)), "workflow_clock_stopped", "/states/4/stops_clock"),
    (with_action(action("help", "submitted", "correction", "citizen")), "workflow_citizen_decides", "/actions/4"),
    (with_appeal(another_person=False), "workflow_partial_appeal", "/actions/5"),
    (with_appeal(who="provider"), "workflow_partial_appeal", "/actions/5"),
    (with_start(held_by="system"), "workflow_unknown_name", "/states/0/held_by"),
    (with_state(state("done")), "workflow_name_twice", "/states/4/name"),
    (twice(), "workflow_name_twice", "/actions/4/name"),
    (definition(start="nowhere"), "workflow_unknown_name", "/start"),
    (with_action(action("defer", "submitted", "nowhere", "clerk")), "workflow_unknown_name", "/actions/4/to"),
    (with_action(action("defer", "nowhere", "done", "clerk")), "workflow_unknown_name", "/actions/4/from_states"),
    (with_action(action("defer", "submitted", "done", "mayor")), "workflow_unknown_name", "/actions/4/who"),
    (with_action(action("defer", "submitted", "done")), "workflow_missing_role", "/actions/4/who"),
    (with_state(state("island", ends=True)), "workflow_unreachable_state", "/states/4"),
    (endless(), "workflow_without_end", "/states"),
    (trapped(), "workflow_dead_end", "/states/4"),
    (spinning(), "workflow_loop_without_person", "/states/4"),
    (with_action(action("lapse", "submitted", "lapsed", "system")), "workflow_bad_timeout", "/states/0"),
    (with_action(action("expire", "correction", "lapsed", "system")), "workflow_bad_timeout", "/states/1"),
    (with_action(QUOTE), "workflow_fee_without_payment", "/actions/4"),
    (with_action(action("pay", "submitted", "done", "payment")), "workflow_fee_without_payment", "/actions/4"),
    (with_action(QUOTE, PAY | {"who": ["payment", "citizen"]}), "workflow_fee_without_payment", "/actions/5"),
    (with_action(QUOTE, PAY | {"needs": ["reason"]}), "workflow_fee_without_payment", "/actions/5"),
    (with_action(QUOTE, PAY, PAY | {"name": "pay_twice"}), "workflow_fee_without_payment", "/actions/6"),
    (going_on_without_paying(), "workflow_fee_without_payment", "/actions/6"),
    (with_state(state("work", held_by="payment")), "workflow_unknown_name", "/states/4/held_by"),
    (with_action(OPEN | {"needs": []}), "workflow_bad_account_effect", "/actions/4"),
    (with_action(OPEN | {"effect": None}), "workflow_bad_account_effect", "/actions/4"),
    (with_action(OPEN | {"who": ["provider", "clerk"]}), "workflow_bad_account_effect", "/actions/4"),
    (with_action(OPEN | {"effect": "closes", "needs": []}), "workflow_bad_account_effect", "/actions/4"),
]
