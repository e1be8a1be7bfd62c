"""What a division recommends today: chosen by its operators, of what its residents see."""

from datetime import date

from kit.calendar import today
from svc_miniapps.catalogue.answers import Answer
from svc_miniapps.catalogue.entries import Catalogue, Recommended
from svc_miniapps.reference.divisions.models import PREFECTURE
from svc_miniapps.reference.divisions.service import UnknownDivision


def recommended(catalogue: Catalogue, division_code: str, language: str | None, platform: int | None) -> Answer:
    """Raises: UnknownDivision."""
    if division_code not in catalogue.divisions:
        raise UnknownDivision
    found = _list_of(catalogue, division_code, today())
    known = (catalogue.entries.get(app_id) for app_id in (found.app_ids if found else ()))
    shown = [
        each
        for each in known
        if each
        and each.division_code in (division_code, PREFECTURE)
        and (platform is None or each.min_platform_code <= platform)
    ]
    return Answer(b'{"items":[' + b",".join(each.listing(each.language_for(language)) for each in shown) + b"]}")


def _list_of(catalogue: Catalogue, division_code: str, day: date) -> Recommended | None:
    lists = (catalogue.recommended.get(code) for code in (division_code, PREFECTURE))
    return next((each for each in lists if each and each.valid_from <= day <= each.valid_until), None)
