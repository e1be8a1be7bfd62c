"""A workflow in which a case could get lost is refused with the place of the fault."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from svc_services.cases.workflows.checks import require_labels, require_sound
from svc_services.cases.workflows.definition import WorkflowDefinition
from svc_services.cases.workflows.refusals import BadWorkflow, MissingLabel
from svc_services.starter import REFERENCE_DATA
from tests.svc_services.cases.workflows.definitions import (
    FAULTY,
    FORM,
    LABELS,
    OPEN,
    PAY,
    QUOTE,
    definition,
    with_action,
    with_appeal,
)

NAMES = st.sampled_from(["a_a", "b_b", "c_c", "d_d", "e_e"])


@pytest.mark.parametrize(("faulty", "code", "at"), FAULTY, ids=[f"{code}{at}" for _, code, at in FAULTY])
def test_a_faulty_workflow_is_refused_at_its_place(faulty: dict[str, Any], code: str, at: str) -> None:
    with pytest.raises(BadWorkflow) as refused:
        require_sound(WorkflowDefinition.model_validate(faulty))
    assert (refused.value.code, refused.value.values) == (code, {"at": at})


@pytest.mark.parametrize("more", [[QUOTE, PAY], [OPEN]], ids=["paid", "opening"])
def test_a_fee_that_is_paid_and_an_account_that_is_opened_pass(more: list[dict[str, Any]]) -> None:
    require_sound(WorkflowDefinition.model_validate(with_action(*more)))


def test_a_sound_workflow_passes() -> None:
    sound = WorkflowDefinition.model_validate(definition())
    require_sound(sound)
    require_labels(sound, FORM)
    require_sound(WorkflowDefinition.model_validate(with_appeal()))


@pytest.mark.parametrize("name", ["submit", "lapse", "done", "rooms"])
def test_what_people_see_has_a_label(name: str) -> None:
    labels = {each: words for each, words in LABELS.items() if each != name}
    with pytest.raises(MissingLabel) as refused:
        require_labels(WorkflowDefinition.model_validate(definition(labels=labels)), FORM)
    assert refused.value.values == {"at": f"/labels/{name}"}


@given(
    ends=st.sets(NAMES, max_size=2),
    actions=st.lists(st.tuples(NAMES, NAMES, st.sampled_from(["clerk", "system"])), max_size=12),
)
def test_from_every_state_of_a_published_workflow_people_can_reach_an_end(
    ends: set[str], actions: list[tuple[str, str, str]]
) -> None:
    names = sorted({"a_a", *ends, *(name for start, to, _ in actions for name in (start, to))})
    states = [{"name": name, "held_by": "clerk", "limit_days": 1, "ends": name in ends} for name in names]
    moves = [
        {"name": f"act_{chr(97 + at)}", "from_states": [start], "to": to, "who": [who]}
        for at, (start, to, who) in enumerate(actions)
    ]
    made = {"start": "a_a", "account": "none", "limit_days": 5, "states": states, "actions": moves}
    try:
        require_sound(WorkflowDefinition.model_validate(made))
    except BadWorkflow:
        return
    near = set(ends)
    for _ in names:
        near |= {start for start, to, _ in actions if to in near}
    assert near == set(names)


def test_the_starter_data_has_every_kind_for_every_utility() -> None:
    entries = json.loads((REFERENCE_DATA / "workflows.json").read_text("utf-8"))["workflows"]
    kinds = {entry["application_kind"]: set(entry["utility_kinds"]) for entry in entries}
    everywhere = {"water", "electricity", "gas", "heating", "telecom", "cable_tv"}
    general = ("new_connection", "transfer", "change", "suspension", "resumption", "closure", "fault_report")
    assert {kind: kinds[kind] for kind in general} == dict.fromkeys(general, everywhere)
    heating = {"heating_stop", "heating_start", "temperature_visit", "heating_rebate"}
    assert kinds.keys() - set(general) == heating
    assert all(kinds[kind] == {"heating"} for kind in heating)
