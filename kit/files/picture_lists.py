"""The list of pictures in a JPEG file of several (CIPA DC-007, Multi-Picture Format), in APP2 of the first one."""

import struct

from kit.files.refusals import DocumentDamaged

LIST_MARK = b"MPF\0"
_ENTRIES_TAG, _ENTRY_BYTES, _MOST = 0xB002, 16, 32
_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}


def listed_pictures(content: bytes, listing: bytes) -> set[int]:
    """Where the further pictures begin in a file.

    Raises:
        DocumentDamaged
    """
    body = listing[len(LIST_MARK) :]
    order = _ORDERS.get(body[:4])
    if order is None:
        raise DocumentDamaged
    base = content.index(listing) + len(LIST_MARK)
    try:
        entries = _entries(body, order)
    except struct.error:
        raise DocumentDamaged from None
    return {base + offset for offset in entries if offset}  # the first picture has none


def _entries(body: bytes, order: str) -> list[int]:
    (at,) = struct.unpack_from(f"{order}I", body, 4)
    (count,) = struct.unpack_from(f"{order}H", body, at)
    for number in range(min(count, _MOST)):
        tag, _, length, begin = struct.unpack_from(f"{order}HHII", body, at + 2 + 12 * number)
        if tag == _ENTRIES_TAG:
            pictures = min(length // _ENTRY_BYTES, _MOST)
            return [
                struct.unpack_from(f"{order}I", body, begin + _ENTRY_BYTES * each + 8)[0] for each in range(pictures)
            ]
    return []
