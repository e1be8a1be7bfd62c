"""An index of names: the words of all apps of a division in one text, which is searched in one call."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

from svc_miniapps.catalogue.entries import Entry


class Names:
    """Finds entries by a part of a word, in the order in which they were given."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = entries
        # A search has letters and digits alone, so it matches within the words of one entry.
        self._text = "\n".join(entry.search_words for entry in entries)
        self._begins = [0, *accumulate(len(entry.search_words) + 1 for entry in entries)]

    def matching(self, part: str) -> Iterator[Entry]:
        place = self._text.find(part) if part else -1  # of signs alone nothing is left, which no name is searched for
        while place >= 0:
            found = bisect_right(self._begins, place) - 1
            yield self._entries[found]
            place = self._text.find(part, self._begins[found + 1])
