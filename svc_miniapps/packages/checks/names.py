"""Names of files in a package, after W3C MiniApp Packaging, "File Names": the same on every phone and computer."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence

from svc_miniapps.packages.checks.findings import Finding

MAX_NAME_BYTES = 255
MAX_PATH_BYTES = 1024
"""The W3C allows 65,535; no file system that unpacks it does."""
MAX_DEPTH = 20

ROOT_FILES = ("manifest.json", "app.js", "app.css")
PAGES = "pages/"
I18N = "i18n/"

# The W3C's list: punctuation that some systems reserve, control characters, private use, non-characters, tags.
_FORBIDDEN = re.compile(
    r'["*:<>?|\x00-\x1f\x7f-\x9f\ue000-\uf8ff\ufdd0-\ufdef\ufff0-\uffff\U000e0000-\U000e0fff\U000f0000-\U0010ffff]'
    r"|%(?=[0-9A-Fa-f]{2})"  # browsers decode it
)
TURNS_DIRECTION = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
INVISIBLE = re.compile(
    r"[\u00a0\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2028\u2029\u2060-\u2065\u206a-\u206f"
    r"\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0]"
)
_DEVICES = re.compile(
    r"(?:con|prn|aux|nul|clock\$|conin\$|conout\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3]) *(?:\..*)?", re.IGNORECASE
)
_LEFTOVERS = frozenset({"__macosx", "thumbs.db", "desktop.ini", "git~1"})
_SECRETS = re.compile(
    r"\.env(?:\..*)?|\.npmrc|\.netrc|\.pypirc|\.ssh|\.htpasswd|id_(?:rsa|dsa|ecdsa|ed25519)"
    r"|.*\.(?:pem|key|p8|p12|pfx|jks|keystore|ppk|kdbx)",
    re.IGNORECASE,
)
_LANGUAGE_FILE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*\.json")


def check_path(path: str) -> Iterator[Finding]:
    """What is wrong with one name; a folder's ends with a slash."""
    parts = path.removesuffix("/").split("/")
    if path.startswith("/") or ".." in parts or "." in parts or "" in parts:
        yield Finding("unsafe_path", path)
    if "\\" in path:
        yield Finding("backslash_in_name", path)
    for code, pattern in _CHARACTERS.items():
        if found := pattern.search(path):
            yield Finding(code, path, {"character": f"U+{ord(found[0]):04X}"})
    for code, is_bad in _PARTS.items():
        if any(map(is_bad, parts)):
            yield Finding(code, path)
    if len(path.encode()) > MAX_PATH_BYTES or any(len(part.encode()) > MAX_NAME_BYTES for part in parts):
        yield Finding("name_too_long", path, {"bytes": MAX_NAME_BYTES})
    if len(parts) > MAX_DEPTH:
        yield Finding("too_deep", path, {"limit": MAX_DEPTH})
    if path.startswith(I18N) and path != I18N and not _LANGUAGE_FILE.fullmatch("/".join(parts[1:])):
        yield Finding("not_a_language_file", path)


def _is_hidden(part: str) -> bool:
    """`.git`, `.DS_Store`, `.idea`: systems and tools keep theirs behind a dot."""
    return part.startswith(".") and not part.startswith("..") and part != "." and not _SECRETS.fullmatch(part)


_CHARACTERS = {
    "forbidden_character": _FORBIDDEN,
    "bidi_character": TURNS_DIRECTION,
    "invisible_character": INVISIBLE,
}
_PARTS: dict[str, Callable[[str], object]] = {
    "dot_at_end": lambda part: part.endswith(".") and part not in {".", ".."},
    "space_at_edge": lambda part: part != part.strip(),
    "device_name": _DEVICES.fullmatch,
    "leftover_file": lambda part: part.casefold() in _LEFTOVERS or _is_hidden(part),
    "secret_file": _SECRETS.fullmatch,
}


def check_unique(paths: Iterable[str]) -> Iterator[Finding]:
    """Names that are one and the same where upper and lower case, or ways to compose a letter, make no difference.

    Folders count too: `Pages/a` and `pages/b` are in one folder on one system and in two on another, and a name that
    is a file here and a folder there cannot be unpacked.
    """
    known: dict[str, tuple[str, bool]] = {}
    seen: set[str] = set()
    for path in paths:
        if len(path.encode()) > MAX_PATH_BYTES:  # refused already, and its folders would take long to keep
            continue
        if path in seen:
            yield Finding("duplicate_name", path, {"other": path})
            continue
        seen.add(path)
        parts = path.removesuffix("/").split("/")
        # Deeper ones are refused already, and would only make this long.
        for depth in range(1, min(len(parts), MAX_DEPTH) + 1):
            prefix = "/".join(parts[:depth])
            is_folder = depth < len(parts) or path.endswith("/")
            other = known.setdefault(_folded(prefix), (prefix, is_folder))
            if other != (prefix, is_folder):
                yield Finding("duplicate_name", path, {"other": other[0]})
                break


def _folded(name: str) -> str:
    # The W3C matches by canonical normalisation; the compatible one also finds names that only look the same.
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    # A system set to Turkish folds these into the plain letter.
    return folded.replace("i\u0307", "i").replace("ı", "i")


def check_layout(paths: Sequence[str]) -> Iterator[Finding]:
    """The files every package has at its root."""
    wrapped = [path for path in paths if path.count("/") == 1 and path.endswith("/manifest.json")]
    if "manifest.json" not in paths and wrapped:
        # The commonest mistake: the folder was compressed instead of its content. No other finding is needed.
        yield Finding("wrapped_in_folder", wrapped[0], {"folder": wrapped[0].partition("/")[0]})
        return
    for name in ROOT_FILES:
        if name not in paths:
            yield Finding("missing_file", name)
    if not any(path.startswith(PAGES) and not path.endswith("/") for path in paths):
        yield Finding("missing_pages", PAGES)
