"""Corrections of releases: documents that misdescribed the servers, and rules that left a door open.

A correction is not a break. Each names the releases it corrects and why; `contracts check` refuses an unused one.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Correction:
    """A fault of `compatibility.breaks` to ignore, because the release was wrong."""

    releases: tuple[str, ...]
    fault: str
    """A regular expression for the whole sentence."""
    because: str

    def covers(self, release: str, fault: str) -> bool:
        return release in self.releases and re.fullmatch(self.fault, fault) is not None


_BEFORE_1_2 = ("1.0.0", "1.1.0")
_BEFORE_1_3 = (*_BEFORE_1_2, "1.2.0")
_WHO_MAY_CALL = r"openapi/\w+\.v1\.json: .+: x-who-may-call was"
_SCOPE = "(?:bills|pay|accounts|profile|mini_apps|staff)"
_RELATIVES = "(?:; or relative at assurance level 2 with scope (?:bills|pay))?"
_SCOPES_MEAN_SOMETHING = (
    "Every token opened everything of its person, whatever its app had asked for. Operations now name their scope, and "
    "our own app and the staff console, the only ones there are, ask for it."
)

CORRECTIONS = (
    Correction(
        _BEFORE_1_2,
        r"openapi/\w+\.v1\.json: .+: parameter idempotency-key was optional and is required",
        "The servers have always answered 400 idempotency_key_missing to a request without the header. The sentence is "
        "only about operations that declared it before, so none demands it newly.",
    ),
    Correction(
        _BEFORE_1_3,
        r"openapi/miniapps\.v1\.json: (GET|POST) /miniapps/v1/(apps/\{app_id\}/)?releases.*: answer 200 "
        r"\(application/json\) may hold, unlike the released one, as (items: in a list, as )?status: the value "
        r"\"(gray|withdrawn|superseded)\"",
        "A release stayed `published` after another one had replaced it. Nobody has it, so it is `superseded` now. "
        "`gray` and `withdrawn` are only of releases whose team has started a gray release, which is new.",
    ),
    Correction(
        ("1.1.0", "1.2.0"),
        r"openapi/payments\.v1\.json: PATCH /payments/v1/bill-file-uploads/\{upload_id\}: parameter "
        r"Upload-(Offset|Complete) is new and required",
        "The servers have always answered 400 bad_header to a request without one of them; the documents named them in "
        "the description of the body alone, where no generated client finds them.",
    ),
    Correction(
        _BEFORE_1_3,
        r"openapi/payments\.v1\.json: POST /payments/v1/channels/sandbox/(contract-)?notices: x-who-may-call was "
        r"“(whoever is )?verified by the channel's signature over the raw body” and is “verified by the channel's HTTP "
        r"message signature \(RFC 9421\) for this address and our merchant id”",
        "A signature over the raw body was good at any address and for any recipient. Only the sandbox channel, a part "
        "of this repository, calls here.",
    ),
    Correction(
        _BEFORE_1_3,
        rf"{_WHO_MAY_CALL} “person as ([\w ]+)(.*)” and is “person at assurance level 2 as \1(?: with scope staff)?\2”",
        "A phone number alone was enough to act as an operator, an auditor or a reviewer. Their roles now need an "
        "identity that the population registry has confirmed; who has one calls as before.",
    ),
    Correction(
        _BEFORE_1_3,
        rf"{_WHO_MAY_CALL} “(person(?: at assurance level 2)?(?: as [\w ]+)?)(.*)” and is "
        rf"“\1 with scope {_SCOPE}{_RELATIVES}\2”",
        _SCOPES_MEAN_SOMETHING,
    ),
    Correction(
        _BEFORE_1_3,
        rf"{_WHO_MAY_CALL} “client or person” and is “person with scope pay; or client with scope bills:write”",
        _SCOPES_MEAN_SOMETHING,
    ),
    Correction(
        _BEFORE_1_3,
        rf"{_WHO_MAY_CALL} “(?:whoever is )?(verified by .*an operator's access token)(.*)” and is "
        r"“\1 with scope staff\2”",
        _SCOPES_MEAN_SOMETHING,
    ),
    Correction(_BEFORE_1_3, r"openapi/\w+\.v1\.json: .+: access_token no longer suffices", _SCOPES_MEAN_SOMETHING),
)


def uncovered(faults: Iterable[tuple[str, str]], corrections: Iterable[Correction] = CORRECTIONS) -> list[str]:
    """The faults that no correction covers, and the corrections that cover none, as sentences.

    Args:
        faults: a release, and what is missing of it now.
        corrections: known errors of releases.
    """
    unused, left = list(corrections), []
    for release, fault in faults:
        covering = [each for each in corrections if each.covers(release, fault)]
        unused = [each for each in unused if each not in covering]
        if not covering:
            left.append(f"{fault} (released in {release}); publish a v2 beside it instead.")
    return left + [f"contracts/corrections.py: nothing is corrected by “{each.fault}”." for each in unused]
