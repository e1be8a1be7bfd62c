"""Icons of registrations: square pictures of bounded size."""

from chassis.problems import Problem
from svc_miniapps.pictures import picture_of

MAX_BYTES = 200_000
_SIDES = range(48, 1025)


class IconRefused(Problem):
    status, code = 422, "icon_refused"


def inspected(content: bytes) -> tuple[str, int]:
    """The media type and the side of an icon.

    Raises:
        IconRefused
    """
    picture = picture_of(content) if len(content) <= MAX_BYTES else None
    if picture is None or picture.width != picture.height or picture.width not in _SIDES:
        raise IconRefused(kilobytes=MAX_BYTES // 1000)
    return picture.media_type, picture.width
