"""The kinds of callers, and whom of them each operation that takes a token admits."""

from collections.abc import Callable
from uuid import UUID

from chassis.testing import Tokens

ANY = UUID("01900000-0000-7000-8000-000000000000")
Bearer = Callable[[Tokens], dict[str, str]]


def _server(tokens: Tokens) -> dict[str, str]:
    client_id = f"miniapp-{ANY}"
    token = tokens.sign(sub=client_id, client_id=client_id, kind="client", assurance_level=None, scope="messages")
    return {"Authorization": f"Bearer {token}"}


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
    "server of a mini-app": _server,
}
TEAMS = {"county team", "county team at level 1"}
REVIEWERS, OPERATORS = {"reviewer"}, {"operator"}
STAFF_OPERATORS = OPERATORS | {"operator at level 1"}
READERS = TEAMS | {"reviewer", "reviewer at level 1"}
SERVERS = {"server of a mini-app"}
PERSONS = set(CALLERS) - {"provider"} - SERVERS

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
        f"{RELEASES}/review-files/{{sha256}}",
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
    "PUT": [f"{RELEASES}/review-files"],
}
_OF_PERSONS = {"GET": ["trials/{trial_id}/package"], "POST": ["trials/open", "me/updates"]}
_OF_OPERATORS = {
    "GET": ["take-downs"],
    "POST": [
        f"{APPS}/take-downs",
        *(f"take-downs/{{take_down_id}}/{each}" for each in ("confirm", "reject", "propose-restore", "restore")),
    ],
}
_OF_RUNTIME: list[tuple[str, set[str], list[str]]] = [
    ("GET", TEAMS, [f"{APPS}/{each}" for each in ("message-templates", "call-quotas", "calls")]),
    ("POST", TEAMS, [f"{APPS}/message-templates", "message-templates/{template_id}/withdraw"]),
    ("POST", READERS, ["message-templates/{template_id}/retire"]),
    ("GET", REVIEWERS, ["message-templates"]),
    ("POST", REVIEWERS, [f"message-templates/{{template_id}}/{each}" for each in ("approve", "reject")]),
    ("PUT", OPERATORS, [f"{APPS}/call-quotas/{{operation}}"]),
    ("GET", PERSONS, ["me/apps/{app_id}/message-templates", "me/links", "me/message-consents", "me/messages"]),
    ("POST", PERSONS, ["me/message-consents"]),
    ("PUT", PERSONS, ["me/messages/{inbox_message_id}/read"]),
    ("DELETE", PERSONS, ["me/message-consents/{consent_id}", "me/messages/{inbox_message_id}"]),
    ("GET", SERVERS, ["app-messages/{message_id}"]),
    ("PUT", SERVERS, ["app-messages/{message_id}"]),
]
WEBHOOK = "teams/{team_id}/webhook"
LIST = "recommended-lists/{list_id}"
_OF_INSIGHTS: list[tuple[str, set[str], list[str]]] = [
    ("GET", TEAMS, [f"{APPS}/{each}" for each in ("errors", "figures", "figures-csv", "ratings", "review-times")]),
    ("GET", TEAMS, [WEBHOOK, f"{WEBHOOK}-deliveries", f"{WEBHOOK}-deliveries/{{delivery_id}}/attempts"]),
    ("POST", TEAMS, [f"{APPS}/ratings/{{rating_id}}/reports", f"{WEBHOOK}-deliveries/{{delivery_id}}/repeat"]),
    ("POST", TEAMS, [f"{WEBHOOK}/{each}" for each in ("pause", "resume")]),
    ("PUT", TEAMS, [f"{APPS}/ratings/{{rating_id}}/reply", WEBHOOK]),
    ("DELETE", TEAMS, [WEBHOOK]),
    ("GET", OPERATORS, ["app-ratings", "recommended-lists"]),
    ("POST", OPERATORS, [f"app-ratings/{{rating_id}}/{each}" for each in ("hide", "keep", "show")]),
    ("POST", OPERATORS, ["recommended-lists", *(f"{LIST}/{each}" for each in ("approve", "reject", "withdraw"))]),
    ("GET", PERSONS, ["me/app-ratings/{app_id}", "me/catalogue", "me/recent-apps"]),
    ("POST", PERSONS, ["app-ratings/{rating_id}/reports", "me/app-errors"]),
    ("PUT", PERSONS, ["me/app-ratings/{app_id}", "me/recent-apps", "me/recent-apps/{app_id}"]),
    ("DELETE", PERSONS, ["me/app-ratings/{app_id}", "me/recent-apps", "me/recent-apps/{app_id}"]),
]
_OF_OWN_ENDS: list[tuple[str, set[str], list[str]]] = [
    ("GET", READERS, [f"{APPS}/domains", f"{APPS}/shutdowns"]),
    ("POST", TEAMS, [f"{APPS}/domains", f"{APPS}/shutdowns", "shutdowns/{shutdown_id}/withdraw"]),
    ("POST", TEAMS, [f"domains/{{domain_id}}/{each}" for each in ("check", "renew")]),
    ("DELETE", TEAMS, ["domains/{domain_id}"]),
    ("GET", REVIEWERS, ["shutdowns"]),
    ("POST", READERS, ["shutdowns/{shutdown_id}/confirm"]),
    ("GET", PERSONS, ["complaints"]),
    ("POST", PERSONS, ["complaints", "complaints/{complaint_id}/appeal"]),
    ("GET", TEAMS | STAFF_OPERATORS, ["received-complaints", "teams/{team_id}/quotas"]),
    ("POST", TEAMS, ["received-complaints/{complaint_id}/answer"]),
    ("POST", OPERATORS, ["received-complaints/{complaint_id}/decide", "teams/{team_id}/quota-changes"]),
    ("GET", OPERATORS, ["quota-changes"]),
    ("POST", OPERATORS, [f"quota-changes/{{quota_change_id}}/{each}" for each in ("approve", "reject")]),
]
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
ENDPOINTS += [
    (method, f"/miniapps/v1/{path}", admitted)
    for method, admitted, paths in (*_OF_RUNTIME, *_OF_INSIGHTS, *_OF_OWN_ENDS)
    for path in paths
]
