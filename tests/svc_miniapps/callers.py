"""The kinds of callers, and whom of them each operation that takes a token admits."""

from collections.abc import Callable
from uuid import UUID

from chassis.testing import Tokens

ANY = UUID("01900000-0000-7000-8000-000000000000")
Bearer = Callable[[Tokens], dict[str, str]]

CALLERS: dict[str, Bearer] = {
    "resident": lambda tokens: tokens.resident(),
    "resident at level 1": lambda tokens: tokens.resident(assurance_level=1),
    "operator": lambda tokens: tokens.staff("operator"),
    "operator at level 1": lambda tokens: tokens.staff("operator", assurance_level=1),
    "clerk": lambda tokens: tokens.staff("clerk", division_code="654002"),
    "auditor": lambda tokens: tokens.staff("auditor"),
    "county team": lambda tokens: tokens.staff("county_team", division_code="654002"),
    "county team at level 1": lambda tokens: tokens.staff("county_team", division_code="654002", assurance_level=1),
    "reviewer": lambda tokens: tokens.staff("reviewer", division_code="654000"),
    "reviewer at level 1": lambda tokens: tokens.staff("reviewer", division_code="654000", assurance_level=1),
    "security officer": lambda tokens: tokens.staff("security_officer"),
    "company admin": lambda tokens: tokens.staff("provider_admin"),
    "provider": lambda tokens: tokens.client(ANY, "bills:write"),
}
TEAMS = {"county team", "county team at level 1"}
REVIEWERS, OPERATORS = {"reviewer"}, {"operator"}
READERS = TEAMS | {"reviewer", "reviewer at level 1"}
PERSONS = set(CALLERS) - {"provider"}

APPS = "apps/{app_id}"
RELEASES = "releases/{release_id}"
_OF_TEAMS = {
    "GET": [
        "teams",
        "teams/{team_id}/members",
        "apps",
        APPS,
        *(f"{APPS}/{each}" for each in ("registrations", "testers", "releases", "take-downs", "client-requests")),
        f"{APPS}/package-uploads/{{upload_id}}",
    ],
    "HEAD": [f"{APPS}/package-uploads/{{upload_id}}"],
    "POST": [
        "teams",
        "teams/{team_id}/lead",
        "apps",
        *(f"{APPS}/{each}" for each in ("registrations", "package-uploads", "client-requests", "handovers")),
        *(f"{APPS}/{each}" for each in ("withdraw", "relist")),
        *(f"{RELEASES}/{each}" for each in ("submit", "withdraw", "publish", "roll-back", "trials")),
        *(f"{RELEASES}/{each}" for each in ("gray", "gray/widen", "gray/withdraw")),
        "registrations/{registration_id}/withdraw",
        "client-requests/{client_request_id}/withdraw",
        "take-downs/{take_down_id}/appeal",
        *(f"handovers/{{handover_id}}/{each}" for each in ("accept", "decline", "withdraw")),
    ],
    "PUT": [
        "teams/{team_id}/members/{person_id}",
        f"{APPS}/icon",
        f"{APPS}/packages/{{version_code}}",
        f"{APPS}/testers/{{person_id}}",
    ],
    "PATCH": [APPS, f"{APPS}/package-uploads/{{upload_id}}"],
    "DELETE": ["teams/{team_id}/members/{person_id}", f"{APPS}/testers/{{person_id}}"],
}
_OF_READERS = {
    "GET": [
        "similar-apps",
        "review-checklist",
        "handovers",
        "registrations/{registration_id}",
        "registrations/{registration_id}/icon",
        RELEASES,
        *(f"{RELEASES}/{each}" for each in ("package", "gray", "difference")),
        f"{APPS}/client",
    ],
    "POST": [f"{APPS}/client/suspend"],
}
_OF_REVIEWERS = {
    "GET": ["registrations", "reviews", "client-requests"],
    "POST": [
        *(f"registrations/{{registration_id}}/{each}" for each in ("approve", "reject")),
        *(f"{RELEASES}/{each}" for each in ("approve", "reject", "claim", "return")),
        *(f"client-requests/{{client_request_id}}/{each}" for each in ("approve", "reject")),
        *(f"handovers/{{handover_id}}/{each}" for each in ("confirm", "reject")),
    ],
}
_OF_PERSONS = {"GET": ["trials/{trial_id}/package"], "POST": ["trials/open", "me/updates"]}
_OF_OPERATORS = {
    "GET": ["take-downs"],
    "POST": [
        f"{APPS}/take-downs",
        *(f"take-downs/{{take_down_id}}/{each}" for each in ("confirm", "reject", "propose-restore", "restore")),
    ],
}
ENDPOINTS = [
    (method, f"/miniapps/v1/{path}", admitted)
    for table, admitted in (
        (_OF_TEAMS, TEAMS),
        (_OF_READERS, READERS),
        (_OF_REVIEWERS, REVIEWERS),
        (_OF_PERSONS, PERSONS),
        (_OF_OPERATORS, OPERATORS),
    )
    for method, paths in table.items()
    for path in paths
]
