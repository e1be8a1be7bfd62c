"""Faults of a document by itself, independent of any release."""

import re
from collections import Counter
from collections.abc import Iterator

from contracts.compatibility.document import Document, Spec, shape

_PLAIN = re.compile(r"[A-Z][A-Za-z0-9]*")


def faults(path: str, document: Document) -> list[str]:
    """The document's faults as sentences; none for the schema of an event."""
    find = (_leaked_names, _repeated_templates, _repeated_operation_ids)
    return [f"contracts/{path}: {fault}" for each in find for fault in each(document)] if "paths" in document else []


def _leaked_names(document: Document) -> Iterator[str]:
    """FastAPI puts the module before names that two models share, and `-Input` or `-Output` behind others."""
    for name in document.get("components", {}).get("schemas", {}):
        if not _PLAIN.fullmatch(name):
            yield f"the schema {name} has no plain name: give its model one that is its own in this service"


def _repeated_templates(document: Document) -> Iterator[str]:
    count = Counter(shape(template) for template in document["paths"])
    for template in document["paths"]:
        if count[shape(template)] > 1:
            yield f"{template} is the address of another path too: give its parameters the same names there"


def _repeated_operation_ids(document: Document) -> Iterator[str]:
    count = Counter(operation.definition.get("operationId") for operation in Spec(document).operations().values())
    for name, times in count.items():
        if times > 1:
            yield f"operationId {name} is used {times} times"
