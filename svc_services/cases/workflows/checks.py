"""What a workflow must be to be published. Each refusal names the place as a JSON pointer."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from svc_services.cases.workflows.definition import (
    PERSONS,
    RESERVED,
    STAFF,
    SUBMIT,
    AccountEffect,
    AccountRule,
    Actor,
    Need,
    WorkflowAction,
    WorkflowDefinition,
)
from svc_services.cases.workflows.refusals import (
    BadAccountEffect,
    BadLimit,
    BadStart,
    BadTimeout,
    CitizenDecides,
    ClockStopped,
    DeadEnd,
    FeeWithoutPayment,
    LoopWithoutPerson,
    MissingLabel,
    MissingRole,
    NameTwice,
    PartialAppeal,
    ReservedName,
    UnknownName,
    UnreachableState,
    WithoutEnd,
)

Graph = Mapping[str, set[str]]


def require_sound(definition: WorkflowDefinition) -> None:
    """Refuse a workflow in which a case could get lost.

    Raises:
        BadWorkflow: one of its kinds.
    """
    _require_names(definition)
    _require_roles(definition)
    _require_promise(definition)
    places = {state.name: f"/states/{at}" for at, state in enumerate(definition.states)}
    moves = _graph(definition, definition.actions)
    reached = _reached(moves, definition.start)
    for state in definition.states:
        if state.name not in reached:
            raise UnreachableState(at=places[state.name])
    ends = [state.name for state in definition.states if state.ends]
    if not ends:
        raise WithoutEnd(at="/states")
    back = _reversed(moves)
    ending = {name for end in ends for name in _reached(back, end)}
    for state in definition.states:
        if state.name not in ending:
            raise DeadEnd(at=places[state.name])
    _require_persons_in_loops(definition, places)
    _require_timeouts(definition, places)
    _require_fairness(definition)
    _require_payments(definition)
    _require_account_effects(definition)


def require_labels(definition: WorkflowDefinition, form: Mapping[str, Any]) -> None:
    """Refuse a workflow with something that has no label.

    Raises:
        MissingLabel
    """
    named = [*(state.name for state in definition.states), *(action.name for action in definition.actions)]
    materials = (material.kind for material in definition.materials)
    for name in (SUBMIT, *named, *materials, *form.get("properties", {})):
        if name not in definition.labels:
            raise MissingLabel(at=f"/labels/{name}")


def _require_names(definition: WorkflowDefinition) -> None:
    states = [state.name for state in definition.states]
    for place, state in enumerate(states):
        if state in states[:place]:
            raise NameTwice(at=f"/states/{place}/name")
    kinds = [material.kind for material in definition.materials]
    for place, kind in enumerate(kinds):
        if kind in kinds[:place]:
            raise NameTwice(at=f"/materials/{place}/kind")
    for named, known in _names_used(definition):
        if not known:
            raise UnknownName(at=named)
    seen: set[tuple[str, str]] = set()
    for at, action in enumerate(definition.actions):
        for state in action.from_states:
            if (state, action.name) in seen:
                raise NameTwice(at=f"/actions/{at}/name")
            seen.add((state, action.name))


def _names_used(definition: WorkflowDefinition) -> Iterator[tuple[str, bool]]:
    states, actors = {state.name for state in definition.states}, set(Actor)
    yield "/start", definition.start in states
    for at, state in enumerate(definition.states):
        yield f"/states/{at}/held_by", state.held_by in PERSONS
    for at, action in enumerate(definition.actions):
        yield f"/actions/{at}/to", action.to in states
        yield f"/actions/{at}/from_states", bool(action.from_states) and set(action.from_states) <= states
        yield f"/actions/{at}/who", set(action.who) <= actors


def _require_roles(definition: WorkflowDefinition) -> None:
    for at, action in enumerate(definition.actions):
        if action.name in RESERVED:
            raise ReservedName(at=f"/actions/{at}/name")
        if not action.who:
            raise MissingRole(at=f"/actions/{at}/who")


def _require_promise(definition: WorkflowDefinition) -> None:
    start = definition.state(definition.start)
    if start.ends or start.stops_clock:
        raise BadStart(at="/start")
    if definition.extension_days is not None and definition.extension_days > definition.limit_days:
        raise BadLimit(at="/extension_days")
    appeals = _states_of_appeals(definition)  # they begin when the promise has been kept or broken
    for at, state in enumerate(definition.states):
        if state.stops_clock and state.held_by != Actor.CITIZEN:
            raise ClockStopped(at=f"/states/{at}/stops_clock")
        counts = not state.stops_clock and state.name not in appeals
        if counts and state.limit_days is not None and state.limit_days > definition.limit_days:
            raise BadLimit(at=f"/states/{at}/limit_days")


def _require_fairness(definition: WorkflowDefinition) -> None:
    """Nobody decides their own case, neither the applicant nor those who refused it."""
    appeals = _states_of_appeals(definition)
    for at, action in enumerate(definition.actions):
        for state in map(definition.state, action.from_states):
            elsewhere = action.to != state.name and not definition.state(action.to).ends
            if Actor.CITIZEN in action.who and elsewhere and not state.ends and state.held_by != Actor.CITIZEN:
                raise CitizenDecides(at=f"/actions/{at}")
            decides = PERSONS & set(action.who) - {Actor.CITIZEN}
            if decides and state.name in appeals and not (decides <= STAFF and action.another_person):
                raise PartialAppeal(at=f"/actions/{at}")


def _states_of_appeals(definition: WorkflowDefinition) -> set[str]:
    """The states that cases reach only after they have ended, and in which somebody decides again."""
    sources: dict[str, set[bool]] = defaultdict(set)
    for action in definition.actions:
        sources[action.to] |= {definition.state(each).ends for each in action.from_states if each != action.to}
    return {name for name, ended in sources.items() if ended == {True}} - {definition.start}


def _require_persons_in_loops(definition: WorkflowDefinition, places: Mapping[str, str]) -> None:
    alone = _graph(definition, (each for each in definition.actions if not PERSONS & set(each.who)))
    for name in alone:
        if any(name in _reached(alone, following) for following in alone[name]):
            raise LoopWithoutPerson(at=places[name])


def _require_timeouts(definition: WorkflowDefinition, places: Mapping[str, str]) -> None:
    for state in definition.states:
        timed = [action for action in definition.actions_from(state.name) if Actor.SYSTEM in action.who]
        if timed and (len(timed) > 1 or state.limit_days is None or timed[0].needs or state.ends):
            raise BadTimeout(at=places[state.name])


def _require_payments(definition: WorkflowDefinition) -> None:
    """A quote leads to a state that waits for the payment; from there, only the payment leads on into the work."""
    waiting = {state.name for state in definition.states if definition.payment(state.name)}
    quotes = [action for action in definition.actions if Need.AMOUNT in action.needs]
    asking = {state for action in quotes for state in action.from_states}
    allowed = {*waiting, *asking, *(state.name for state in definition.states if state.ends)}
    for at, action in enumerate(definition.actions):
        unsound = Actor.PAYMENT in action.who and not (quotes and _pays_alone(definition, action))
        if unsound or (action in quotes and action.to not in waiting):
            raise FeeWithoutPayment(at=f"/actions/{at}")
    for at, action in enumerate(definition.actions):
        goes_on = waiting & set(action.from_states) and action.to not in allowed
        if goes_on and Actor.PAYMENT not in action.who:
            raise FeeWithoutPayment(at=f"/actions/{at}")


def _pays_alone(definition: WorkflowDefinition, action: WorkflowAction) -> bool:
    """Whether nothing but the payment takes this action, and the payment nothing else in these states."""
    alone = action.who == [Actor.PAYMENT] and not (action.needs or action.another_person or action.effect)
    return alone and all(definition.payment(state) is action for state in action.from_states)


def _require_account_effects(definition: WorkflowDefinition) -> None:
    for at, action in enumerate(definition.actions):
        opens = action.effect == AccountEffect.OPENS
        account = AccountRule.NONE if opens else AccountRule.BOUND
        fits = action.who == [Actor.PROVIDER] and definition.account == account
        if opens != (Need.ACCOUNT_NUMBER in action.needs) or (action.effect and not fits):
            raise BadAccountEffect(at=f"/actions/{at}")


def _graph(definition: WorkflowDefinition, actions: Iterable[WorkflowAction]) -> Graph:
    following: dict[str, set[str]] = {state.name: set() for state in definition.states}
    for action in actions:
        for state in action.from_states:
            following[state].add(action.to)
    return following


def _reversed(graph: Graph) -> Graph:
    back: dict[str, set[str]] = defaultdict(set)
    for name, following in graph.items():
        for each in following:
            back[each].add(name)
    return back


def _reached(graph: Graph, start: str) -> set[str]:
    reached, waiting = {start}, [start]
    while waiting:
        for following in graph.get(waiting.pop(), set()) - reached:
            reached.add(following)
            waiting.append(following)
    return reached
