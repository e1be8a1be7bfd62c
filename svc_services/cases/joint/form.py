"""The joint form: the union of what the forms of the branches ask.

A field that has the same schema in every branch that asks for it stands once, in `shared`. One that differs stands in
each of these branches. A company receives the fields of its own form alone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kit.fields.labels import Label
from svc_services.cases.workflows.forms import FormRefused, require_complete, require_types
from svc_services.cases.workflows.models import Workflow

SHARED, BRANCHES = "shared", "branches"
Schema = dict[str, Any]
Form = dict[str, Any]


@dataclass(frozen=True)
class JointForm:
    """The schemas of the parts of a joint form: what is shared, and what is asked by branch, by its position."""

    shared: Schema
    branches: Mapping[str, Schema]

    @classmethod
    def of(cls, workflows: Mapping[int, Workflow]) -> "JointForm":
        schemas = {str(position): workflow.form for position, workflow in workflows.items()}
        alike = {name for name in _names(schemas) if _is_alike(name, schemas)}
        return cls(
            _object(
                {name: schema["properties"][name] for schema in schemas.values() for name in _asked(schema) & alike},
                {name for schema in schemas.values() for name in schema.get("required", [])} & alike,
            ),
            {
                position: _object(
                    {name: schema["properties"][name] for name in _asked(schema) - alike},
                    set(schema.get("required", [])) - alike,
                )
                for position, schema in schemas.items()
                if _asked(schema) - alike
            },
        )

    @property
    def schema(self) -> Schema:
        """The whole form as one JSON Schema, for apps."""
        branches = _object(dict(self.branches), {key for key, part in self.branches.items() if part["required"]})
        return _object({SHARED: self.shared, BRANCHES: branches}, {SHARED, BRANCHES})

    def require_types(self, form: Form) -> None:
        """Refuse unknown fields and values of other types.

        Raises:
            FormRefused: `at` begins with the part.
        """
        _require(self._parts(form), complete=False)

    def require_complete(self, form: Form) -> None:
        """Refuse a form that a branch does not admit.

        Raises:
            FormRefused: `at` begins with the part.
        """
        _require(self._parts(form), complete=True)

    def _parts(self, form: Form) -> Iterator[tuple[str, Schema, Form]]:
        yield f"/{SHARED}", self.shared, form[SHARED]
        nothing = _object({}, set())
        for position in sorted({*self.branches, *form[BRANCHES]}):
            given = form[BRANCHES].get(position, {})
            yield f"/{BRANCHES}/{position}", self.branches.get(position, nothing), given


def own_part(form: Form, position: int, workflow: Workflow) -> Form:
    """What the form of a branch asks for."""
    given = {**form[SHARED], **form[BRANCHES].get(str(position), {})}
    return {name: value for name, value in given.items() if name in _asked(workflow.form)}


def labels_of(workflows: Mapping[int, Workflow]) -> dict[str, Label]:
    """What fields, choices and materials of the branches are called."""
    labels: dict[str, Label] = {}
    for workflow in workflows.values():
        rules = workflow.rules
        fields = workflow.form["properties"]
        names = {*fields, *(choice for each in fields.values() for choice in each.get("enum", []))}
        names |= {material.kind for material in rules.materials}
        labels = {name: label for name, label in rules.labels.items() if name in names} | labels
    return labels


def _require(parts: Iterator[tuple[str, Schema, Form]], *, complete: bool) -> None:
    check = require_complete if complete else require_types
    errors: list[dict[str, str]] = []
    for at, schema, given in parts:
        try:
            check(schema, given)
        except FormRefused as refused:
            errors += [{**each, "at": at + each["at"].rstrip("/")} for each in refused.values["errors"]]
    if errors:
        raise FormRefused(errors=errors)


def _asked(schema: Schema) -> set[str]:
    return set(schema["properties"])


def _names(schemas: Mapping[str, Schema]) -> set[str]:
    return {name for schema in schemas.values() for name in _asked(schema)}


def _is_alike(name: str, schemas: Mapping[str, Schema]) -> bool:
    asking = [schema["properties"][name] for schema in schemas.values() if name in schema["properties"]]
    return all(each == asking[0] for each in asking)


def _object(properties: Schema, required: set[str]) -> Schema:
    return {
        "type": "object",
        "properties": {name: properties[name] for name in sorted(properties)},
        "required": sorted(required),
        "additionalProperties": False,
    }
