"""`python -m svc_miniapps.packages check FILE`: the checks of an upload, on a team's own computer.

What only the registration knows is given by options; without them the manifest is checked by itself.
"""

import argparse
import io
import json
import locale
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from svc_miniapps.packages.checks.findings import DEFAULT_LANGUAGE, Finding, languages
from svc_miniapps.packages.checks.inspection import Sound, check
from svc_miniapps.packages.checks.manifest import Expected

SOUND, FAULTY, UNREADABLE = 0, 1, 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m svc_miniapps.packages", description="Check a mini-app's package.")
    commands = parser.add_subparsers(required=True)
    checking = commands.add_parser("check", help="say what is wrong with a package; exit 0 when nothing is, else 1")
    checking.add_argument("file", type=Path)
    checking.add_argument("--json", action="store_true", help="one object for programs")
    checking.add_argument("--language", choices=sorted(languages()), help="of the findings; usually that of LANG")
    checking.add_argument("--app-id", type=UUID, help="the app_id of the registration")
    checking.add_argument("--name", help="the registered name")
    checking.add_argument("--version-code", type=int, help="the version of the upload's address")
    checking.add_argument("--domain", action="append", default=[], help="a registered server; may be repeated")
    checking.add_argument("--permission", action="append", help="a registered permission; may be repeated")
    checking.add_argument("--app-language", action="append", help="a registered language; may be repeated")
    checking.add_argument("--target", action="append", default=[], choices=["harmony"], help="a further platform")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Print what was found. Returns the exit code."""
    options = _parser().parse_args(arguments)
    expected = Expected(
        options.app_id,
        options.name,
        options.version_code,
        domains=frozenset(options.domain),
        permissions=None if options.permission is None else frozenset(options.permission),
        languages=None if options.app_language is None else frozenset(options.app_language),
        targets=frozenset(options.target),
    )
    try:
        with options.file.open("rb") as file:
            outcome = check(file, expected)
    except OSError as error:
        sys.stderr.write(f"{options.file}: {error.strerror}\n")
        return UNREADABLE
    findings: Sequence[Finding] = () if isinstance(outcome, Sound) else outcome
    language = options.language or _own_language()
    sys.stdout.write(_as_json(findings, language) if options.json else _as_text(findings, language))
    return FAULTY if findings else SOUND


def _own_language() -> str:
    """The language of the environment, of those that findings are written in: `kk_CN.UTF-8` is Kazakh."""
    said = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    said = said or locale.getlocale()[0] or ""
    wanted = said.replace("@", "_").replace(".", "_").split("_")[0].lower()
    return next((tag for tag in sorted(languages()) if tag.split("-")[0] == wanted), DEFAULT_LANGUAGE)


def _as_json(findings: Sequence[Finding], language: str) -> str:
    answer = {"is_sound": not findings, "findings": [finding.render(language) for finding in findings]}
    return json.dumps(answer, ensure_ascii=False, indent=2) + "\n"


def _as_text(findings: Sequence[Finding], language: str) -> str:
    return "".join(_paragraph(finding.render(language)) for finding in findings) or "OK\n"


def _paragraph(finding: dict[str, object]) -> str:
    place = ":".join(str(part) for part in (finding["member"], finding["line"]) if part is not None)
    return f"{place or '-'}: [{finding['code']}] {finding['message']}\n    {finding['what_to_do']}\n"


def run() -> int:
    """The command, as the wheel installs it."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal of another encoding
        sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    return main(sys.argv[1:])


if __name__ == "__main__":
    raise SystemExit(run())
