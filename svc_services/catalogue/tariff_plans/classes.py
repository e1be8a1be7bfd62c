"""Customer classes: data of each kind of utility, in `customer_classes.json`."""

import json
from functools import cache
from pathlib import Path

from kit.fields.labels import Label
from svc_services.reference.models import UtilityKind

_FILE = Path(__file__).with_name("customer_classes.json")

MEASURES: dict[UtilityKind, set[str]] = {
    UtilityKind.WATER: {"m3"},
    UtilityKind.ELECTRICITY: {"kWh"},
    UtilityKind.GAS: {"m3"},
    UtilityKind.HEATING: {"GJ", "m2"},
    UtilityKind.TELECOM: {"GB", "minute", "message"},
    UtilityKind.CABLE_TV: set(),
}
"""What the components of a plan may price, beside fixed amounts."""


@cache
def classes_of(kind: UtilityKind) -> dict[str, Label]:
    """The classes of a kind with their names, by code."""
    known = json.loads(_FILE.read_text("utf-8"))
    return {code: Label.model_validate(known["names"][code]) for code in known["kinds"][kind]}
