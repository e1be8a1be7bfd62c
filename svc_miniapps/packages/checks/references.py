"""What a manifest names in its package: pages that the runtime can open, icons that are pictures, widgets."""

from collections.abc import Collection, Iterator
from typing import Any

from svc_miniapps.packages.checks.archive import Archive
from svc_miniapps.packages.checks.findings import Finding
from svc_miniapps.packages.checks.manifest import FILE
from svc_miniapps.packages.checks.names import PAGES
from svc_miniapps.pictures import picture_of

PAGE = ".html"
MAX_ICON_BYTES = 512 * 1024
MAX_ICON_SIDE = 1024


def page_of(route: str) -> str:
    """The file of a route, which may leave out `.html` and may begin with the root's slash."""
    path = route.removeprefix("/")
    return path if path.endswith(PAGE) else f"{path}{PAGE}"


def check_references(manifest: dict[str, Any], archive: Archive) -> Iterator[Finding]:
    paths = frozenset(archive.paths)
    yield from check_pages(manifest, paths)
    yield from _check_icons(manifest, archive, paths)
    for place, widget in enumerate(manifest.get("widgets", ())):
        if page_of(widget["path"]) not in paths:
            yield Finding("widget_missing", FILE, {"at": f"/widgets/{place}/path", "path": widget["path"]})


def check_pages(manifest: dict[str, Any], paths: Collection[str]) -> Iterator[Finding]:
    known = dict[str, str]()
    for place, route in enumerate(manifest["pages"]):
        values = {"at": f"/pages/{place}", "path": route}
        file, plain = page_of(route), route.removeprefix("/")
        if not plain.startswith(PAGES):
            yield Finding("page_outside_pages", FILE, values)
        elif file in paths:
            if file in known:
                yield Finding("page_twice", FILE, {**values, "other": known[file]})
            known[file] = route
        elif plain in paths or any(path.startswith(f"{plain.removesuffix('/')}/") for path in paths):
            yield Finding("page_not_openable", FILE, values)
        else:
            yield Finding("page_missing", FILE, values)


def _check_icons(manifest: dict[str, Any], archive: Archive, paths: Collection[str]) -> Iterator[Finding]:
    for place, icon in enumerate(manifest["icons"]):
        path = icon["src"].removeprefix("/")
        if path not in paths:
            yield Finding("icon_missing", FILE, {"at": f"/icons/{place}/src", "path": icon["src"]})
        elif archive.is_sound(path):
            yield from _check_picture(archive, path)


def _check_picture(archive: Archive, path: str) -> Iterator[Finding]:
    content = archive.read(path, MAX_ICON_BYTES)
    if content is None:
        yield Finding("icon_too_large", path, {"bytes": archive.size_of(path), "limit": MAX_ICON_BYTES})
        return
    picture = picture_of(content)
    if picture is None:
        yield Finding("icon_not_a_picture", path)
    elif not 0 < min(picture.width, picture.height) <= max(picture.width, picture.height) <= MAX_ICON_SIDE:
        sides = {"width": picture.width, "height": picture.height, "limit": MAX_ICON_SIDE}
        yield Finding("icon_sides", path, sides)
