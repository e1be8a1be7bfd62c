"""The JSON Schema of every refusal, as contracts publish it; `chassis.problems` writes the refusals."""

from typing import Any

PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "Further members say what the code needs: a limit, a state, where a fault is.",
    "properties": {
        "type": {"type": "string", "description": "urn:myili:problem:<code>"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What to do about it, in the Content-Language."},
        "code": {"type": "string", "description": "Stable; decide by this one."},
        "instance": {"type": "string", "description": "urn:myili:request:<id>: quote it when asking for help."},
        "errors": {
            "type": "array",
            "description": "Of invalid_request: where each fault is, and why it is one.",
            "items": {
                "type": "object",
                "properties": {"at": {"type": "string"}, "reason": {"type": "string"}},
                "required": ["at", "reason"],
            },
        },
    },
    "required": ["type", "title", "status", "detail", "code"],
}
