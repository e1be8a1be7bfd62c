"""Groups of people that are large enough to be shown."""

from collections.abc import Mapping

FEWEST = 10
Groups = dict[str | None, int]


def merged(people: Mapping[str, int]) -> Groups:
    """The groups of ten and more by division, the smaller ones together under None; nothing where all are fewer.

    What would still be fewer takes the smallest larger group along, so that no difference tells of few.
    """
    shown: Groups = {code: count for code, count in sorted(people.items()) if count >= FEWEST}
    rest = sum(count for count in people.values() if count < FEWEST)
    if rest and rest < FEWEST and shown:
        smallest = min(shown, key=lambda code: (shown[code], code))
        rest += shown.pop(smallest)
    if rest >= FEWEST:
        shown[None] = rest
    return shown
