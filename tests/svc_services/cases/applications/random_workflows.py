"""Workflows drawn at random of which the checks say that they are sound."""

from itertools import pairwise
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from svc_services.cases.workflows.checks import require_sound
from svc_services.cases.workflows.definition import WorkflowDefinition
from svc_services.cases.workflows.refusals import BadWorkflow
from tests.svc_services.cases.workflows.definitions import FORM, label

_HOLDERS = st.sampled_from(["clerk", "provider", "citizen", "operator"])
_ENDS = ("done", "lapsed")
Json = dict[str, Any]
_LETTERS = "abcdef"


@st.composite
def definitions(draw: st.DrawFn) -> Json:
    """A row of states from the start to the end, pauses and time limits in it, and actions across it."""
    running = [f"state_{letter}" for letter in _LETTERS[: draw(st.integers(2, 6))]]
    held_by = {name: draw(_HOLDERS) for name in running}
    limits = {name: draw(st.none() | st.integers(1, 5)) for name in running}
    states: list[Json] = [
        {
            "name": name,
            "held_by": held_by[name],
            "limit_days": limits[name],
            "stops_clock": name != running[0] and held_by[name] == "citizen" and draw(st.booleans()),
        }
        for name in running
    ]
    states += [{"name": name, "held_by": "citizen", "ends": True} for name in _ENDS]
    names = map("go_{}".format, (f"{one}{other}" for one in _LETTERS for other in _LETTERS))
    actions = [_action(next(names), name, to, held_by[name]) for name, to in pairwise([*running, "done"])]
    actions += [_action("expire", name, "lapsed", "system") for name in running if limits[name] and draw(st.booleans())]
    for _ in range(draw(st.integers(0, 4))):
        origin, to = draw(st.sampled_from(running)), draw(st.sampled_from([*running, *_ENDS]))
        actions.append(_action(next(names), origin, to, draw(_HOLDERS)))
    drawn: Json = {"start": running[0], "account": "none", "limit_days": draw(st.integers(5, 9)), "states": states}
    drawn |= {"actions": [*actions, _action("withdraw", running[0], "lapsed", "citizen")]}
    assume(_is_sound(drawn))
    named = {"submit", *running, *_ENDS, *(each["name"] for each in drawn["actions"]), *FORM["properties"]}
    return drawn | {"labels": {name: label(name) for name in sorted(named)}}


def _action(name: str, origin: str, to: str, who: str) -> Json:
    return {"name": name, "from_states": [origin], "to": to, "who": [who]}


def _is_sound(drawn: Json) -> bool:
    try:
        require_sound(WorkflowDefinition.model_validate(drawn))
    except BadWorkflow:
        return False
    return True
