"""What a division recommends today: chosen by its operators, of what its residents see."""

from svc_miniapps.catalogue.answers import Answer
from svc_miniapps.catalogue.entries import Catalogue
from svc_miniapps.reference.divisions.models import PREFECTURE
from svc_miniapps.reference.divisions.service import UnknownDivision


def recommended(catalogue: Catalogue, division_code: str, language: str | None, platform: int | None) -> Answer:
    """The apps of the division's list in its order, or of the prefecture's where the division has none today.

    Raises:
        UnknownDivision
    """
    if division_code not in catalogue.divisions:
        raise UnknownDivision
    lists = catalogue.recommended
    app_ids = lists[division_code] if division_code in lists else lists.get(PREFECTURE, ())
    shown = [
        each
        for each in map(catalogue.entries.get, app_ids)
        if each
        and each.division_code in (division_code, PREFECTURE)
        and (platform is None or each.min_platform_code <= platform)
    ]
    return Answer(b'{"items":[' + b",".join(each.listing(each.language_for(language)) for each in shown) + b"]}")
