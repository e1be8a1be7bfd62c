"""The kinds of callers, and whom of them each endpoint admits."""

from collections.abc import Callable
from uuid import UUID

from chassis.testing import Tokens
from tests.svc_services.companies import APPLICATIONS, BINDINGS, TARIFFS

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
    "security officer": lambda tokens: tokens.staff("security_officer"),
    "company admin": lambda tokens: tokens.staff("provider_admin"),
    "company operator": lambda tokens: tokens.staff("provider_operator"),
    "provider": lambda tokens: tokens.client(ANY, "tariffs:write", "accounts:write"),
    "provider without the scope": lambda tokens: tokens.client(ANY, "bills:write"),
}
STAFF = {"operator", "security officer", "clerk", "auditor", "county team", "company admin", "company operator"}
PERSONS = {"resident"} | STAFF  # staff of the tests are persons of level 2
OPERATORS, PROVIDERS = {"operator"}, {"provider"}
OVERSEERS = {"operator", "auditor"}
COUNTERS, CLERKS = {"operator", "clerk"}, {"clerk"}
ADMINS = {"company admin"}
STOPPERS = {"operator", "security officer"}
COMPANIES = ADMINS | {"company operator"}
RATED = COMPANIES | {"clerk"}
SUPERVISED = RATED | OVERSEERS
HOLDERS = "/services/v1/holder-changes"
HOLDERS_BY_OPERATORS = f"/services/v1/providers/{ANY}/holder-changes"
CHANGES = "/services/v1/provider-changes"
WORKFLOWS = "/services/v1/workflow-proposals"
MIGRATIONS = "/services/v1/case-migrations"
OWN_COMPANY = "/services/v1/me/providers"
PROPOSALS = "/services/v1/tariff-proposals"
ITEMS = "/services/v1/service-item-proposals"
CASES, QUEUE, RECEIVED, MATERIALS = (
    f"/services/v1/{name}" for name in ("applications", "application-queue", "received-applications", "materials")
)
JOINT, JOINT_QUEUE, RECEIVED_JOINT = (
    f"/services/v1/{name}" for name in ("joint-applications", "joint-application-queue", "received-joint-applications")
)
COUNTER_MATERIALS = "/services/v1/counter-materials"
FILINGS, CONFIRMATIONS = "/services/v1/counter-filings", "/services/v1/counter-confirmations"
CALENDAR, ORDERS, RATINGS, APPEALS, RECTIFICATIONS = (
    f"/services/v1/{name}"
    for name in ("calendar-changes", "supervision-orders", "ratings", "rating-appeals", "rectifications")
)
COMPLAINTS, GOT_COMPLAINTS = "/services/v1/complaints", "/services/v1/received-complaints"
OUTAGES, ARREARS = "/services/v1/outages", "/services/v1/arrears-notices"


def _examined(path: str, readers: set[str], starters: set[str]) -> list[tuple[str, str, set[str]]]:
    runs = f"{path}/{ANY}/conformance-runs"
    return [
        *(("GET", each, readers) for each in (f"{path}/{ANY}/sandbox", runs, f"{runs}/{ANY}")),
        *(("POST", each, starters) for each in (f"{path}/{ANY}/sandbox", runs, f"{runs}/{ANY}/resume")),
    ]


ENDPOINTS = [
    ("GET", APPLICATIONS, OPERATORS),
    ("GET", f"{APPLICATIONS}/{ANY}", OPERATORS),
    ("POST", f"{APPLICATIONS}/{ANY}/endorse", OPERATORS),
    ("POST", f"{APPLICATIONS}/{ANY}/approve", OPERATORS),
    ("POST", f"{APPLICATIONS}/{ANY}/refuse", OPERATORS),
    ("GET", f"{APPLICATIONS}/{ANY}/corrections", OPERATORS),
    ("POST", f"{APPLICATIONS}/{ANY}/corrections", PERSONS),
    ("POST", TARIFFS, PROVIDERS),
    ("POST", f"{TARIFFS}/{ANY}/withdraw", set[str]()),  # a client of no approved provider has nothing to withdraw
    ("GET", CHANGES, OVERSEERS),
    ("POST", f"{CHANGES}/{ANY}/approve", OPERATORS),
    ("POST", f"{CHANGES}/{ANY}/reject", OPERATORS),
    ("GET", "/services/v1/expiring-keys", OVERSEERS),
    ("GET", HOLDERS, PROVIDERS),
    ("POST", HOLDERS, PROVIDERS),
    ("POST", f"{HOLDERS}/{ANY}/withdraw", PROVIDERS),
    ("GET", HOLDERS_BY_OPERATORS, OVERSEERS),
    ("POST", HOLDERS_BY_OPERATORS, OPERATORS),
    ("POST", f"{HOLDERS_BY_OPERATORS}/{ANY}/approve", OPERATORS),
    ("POST", f"{HOLDERS_BY_OPERATORS}/{ANY}/reject", OPERATORS),
    ("POST", BINDINGS, PERSONS),
    ("GET", BINDINGS, PERSONS),
    ("GET", f"{BINDINGS}/{ANY}", PERSONS),
    ("DELETE", f"{BINDINGS}/{ANY}", PERSONS),
    ("POST", f"{BINDINGS}/{ANY}/invitations", PERSONS),
    ("GET", f"{BINDINGS}/{ANY}/invitations", PERSONS),
    ("POST", f"{BINDINGS}/{ANY}/invitations/{ANY}/withdraw", PERSONS),
    ("GET", f"{BINDINGS}/{ANY}/members", PERSONS),
    ("DELETE", f"{BINDINGS}/{ANY}/members/{ANY}", PERSONS),
    ("POST", "/services/v1/account-invitations/accept", PERSONS),
    ("GET", "/services/v1/account-accesses", PERSONS),
    ("GET", f"/services/v1/account-accesses/{ANY}", PERSONS),
    ("DELETE", f"/services/v1/account-accesses/{ANY}", PERSONS),
    ("POST", f"{BINDINGS}/{ANY}/verify", PERSONS),
    ("POST", "/services/v1/account-proof-requests", PROVIDERS),
    ("GET", "/services/v1/account-clashes", OVERSEERS),
    ("POST", f"/services/v1/account-clashes/{ANY}/close", OPERATORS),
    ("POST", "/services/v1/binding-ends", OPERATORS),
    ("GET", "/services/v1/binding-ends", OVERSEERS),
    ("POST", f"/services/v1/binding-ends/{ANY}/approve", OPERATORS),
    ("POST", f"/services/v1/binding-ends/{ANY}/reject", OPERATORS),
    ("POST", f"{BINDINGS}/{ANY}/meter-readings", PERSONS),
    ("GET", f"{BINDINGS}/{ANY}/meter-readings", PERSONS),
    ("GET", f"{BINDINGS}/{ANY}/meter-readings/{ANY}/photo", PERSONS),
    ("GET", "/services/v1/meter-readings", PROVIDERS),
    ("GET", f"/services/v1/meter-readings/{ANY}/photo", PROVIDERS),
    ("POST", "/services/v1/meter-reading-days", PROVIDERS),
    ("POST", "/services/v1/meter-changes", PROVIDERS),
    ("GET", PROPOSALS, OPERATORS | PROVIDERS),
    ("POST", PROPOSALS, PROVIDERS),
    ("POST", f"{PROPOSALS}/{ANY}/publish", OPERATORS),
    ("POST", f"{PROPOSALS}/{ANY}/refuse", OPERATORS),
    ("POST", f"{PROPOSALS}/{ANY}/withdraw", set[str]()),  # as with a tariff
    ("GET", ITEMS, OPERATORS | COMPANIES | PROVIDERS),
    ("POST", ITEMS, COMPANIES | PROVIDERS),
    ("POST", f"{ITEMS}/{ANY}/publish", OPERATORS),
    ("POST", f"{ITEMS}/{ANY}/refuse", OPERATORS),
    ("POST", f"{ITEMS}/{ANY}/withdraw", COMPANIES | PROVIDERS),
    ("POST", f"/services/v1/providers/{ANY}/stop-key", STOPPERS),
    ("GET", OWN_COMPANY, COMPANIES),
    ("GET", f"{OWN_COMPANY}/{ANY}", COMPANIES),
    ("GET", f"{OWN_COMPANY}/{ANY}/changes", COMPANIES),
    ("POST", f"{OWN_COMPANY}/{ANY}/changes", ADMINS),
    ("POST", f"{OWN_COMPANY}/{ANY}/suspend", ADMINS),
    ("POST", f"{OWN_COMPANY}/{ANY}/contact", ADMINS),
    *(("GET", f"/services/v1/{name}", OVERSEERS) for name in ("deliveries", "delivery-endpoints")),
    ("GET", f"/services/v1/deliveries/{ANY}/attempts", OVERSEERS),
    *(("GET", f"{OWN_COMPANY}/{ANY}/{name}", COMPANIES) for name in ("deliveries", "delivery-endpoint")),
    *(("GET", f"{OWN_COMPANY}/{ANY}/deliveries/{ANY}{name}", COMPANIES) for name in ("", "/attempts")),
    *(("POST", f"{OWN_COMPANY}/{ANY}/deliveries{name}/repeat", ADMINS) for name in ("", f"/{ANY}")),
    *(("POST", f"{OWN_COMPANY}/{ANY}/delivery-endpoint/{action}", ADMINS) for action in ("pause", "resume")),
    *_examined(APPLICATIONS, OPERATORS, OPERATORS),
    *_examined(OWN_COMPANY, COMPANIES, ADMINS),
    ("GET", WORKFLOWS, OVERSEERS),
    ("POST", WORKFLOWS, OPERATORS),
    ("POST", f"{WORKFLOWS}/{ANY}/publish", OPERATORS),
    ("POST", f"{WORKFLOWS}/{ANY}/reject", OPERATORS),
    ("GET", MIGRATIONS, OVERSEERS),
    ("POST", MIGRATIONS, OPERATORS),
    ("GET", f"{MIGRATIONS}/{ANY}/preview", OVERSEERS),
    ("POST", f"{MIGRATIONS}/{ANY}/approve", OPERATORS),
    ("POST", f"{MIGRATIONS}/{ANY}/reject", OPERATORS),
    ("GET", CASES, PERSONS),
    ("POST", CASES, PERSONS),
    ("GET", f"{CASES}/{ANY}", PERSONS),
    ("DELETE", f"{CASES}/{ANY}", PERSONS),
    ("PUT", f"{CASES}/{ANY}/form", PERSONS),
    ("POST", f"{CASES}/{ANY}/submit", PERSONS),
    ("POST", f"{CASES}/{ANY}/actions", PERSONS),
    ("PUT", f"{CASES}/{ANY}/materials/{ANY}", PERSONS),
    ("DELETE", f"{CASES}/{ANY}/materials/{ANY}", PERSONS),
    ("GET", f"{CASES}/{ANY}/papers", PERSONS),
    ("GET", f"{CASES}/{ANY}/papers/{ANY}", PERSONS),
    ("GET", MATERIALS, PERSONS),
    ("POST", MATERIALS, PERSONS),
    ("GET", f"{MATERIALS}/{ANY}", PERSONS),
    ("HEAD", f"{MATERIALS}/{ANY}", PERSONS),
    ("PATCH", f"{MATERIALS}/{ANY}", PERSONS),
    ("DELETE", f"{MATERIALS}/{ANY}", PERSONS),
    ("GET", f"{MATERIALS}/{ANY}/content", PERSONS),
    ("GET", f"{QUEUE}/{ANY}/materials/{ANY}", COUNTERS),
    ("GET", f"{QUEUE}/{ANY}/papers/{ANY}", COUNTERS),
    ("GET", f"{RECEIVED}/{ANY}/materials/{ANY}", PROVIDERS),
    ("GET", QUEUE, COUNTERS),
    ("GET", f"{QUEUE}/{ANY}", COUNTERS),
    ("POST", f"{QUEUE}/{ANY}/claim", COUNTERS),
    ("POST", f"{QUEUE}/{ANY}/release", COUNTERS),
    ("POST", f"{QUEUE}/{ANY}/actions", COUNTERS),
    ("POST", f"{QUEUE}/{ANY}/route", COUNTERS),
    ("POST", f"{QUEUE}/{ANY}/assign", OPERATORS),
    ("POST", f"{QUEUE}/{ANY}/extend", OPERATORS),
    ("POST", f"{RECEIVED}/{ANY}/extend", PROVIDERS),
    ("POST", FILINGS, CLERKS),
    ("GET", FILINGS, CLERKS),
    ("GET", f"{FILINGS}/{ANY}", CLERKS),
    ("PUT", f"{FILINGS}/{ANY}/form", CLERKS),
    ("PUT", f"{FILINGS}/{ANY}/materials/{ANY}", CLERKS),
    ("DELETE", f"{FILINGS}/{ANY}/materials/{ANY}", CLERKS),
    *(("POST", f"{FILINGS}/{ANY}/{action}", CLERKS) for action in ("offer", "admit", "withdraw")),
    ("GET", f"{FILINGS}/{ANY}/receipt", CLERKS),
    ("POST", COUNTER_MATERIALS, CLERKS),
    *((method, f"{COUNTER_MATERIALS}/{ANY}", CLERKS) for method in ("GET", "HEAD", "PATCH")),
    ("POST", f"{CONFIRMATIONS}/open", PERSONS),
    ("GET", f"{CONFIRMATIONS}/{ANY}", PERSONS),
    *(("POST", f"{CONFIRMATIONS}/{ANY}/{action}", PERSONS) for action in ("confirm", "decline")),
    ("GET", RECEIVED, PROVIDERS),
    ("GET", f"{RECEIVED}/{ANY}", PROVIDERS),
    ("POST", f"{RECEIVED}/{ANY}/actions", PROVIDERS),
    ("GET", JOINT, PERSONS),
    ("POST", JOINT, PERSONS),
    ("GET", f"{JOINT}/{ANY}", PERSONS),
    ("PUT", f"{JOINT}/{ANY}", PERSONS),
    ("DELETE", f"{JOINT}/{ANY}", PERSONS),
    *(("POST", f"{JOINT}/{ANY}/{action}", PERSONS) for action in ("submit", "survey-days", "withdraw")),
    ("GET", JOINT_QUEUE, COUNTERS),
    ("GET", f"{JOINT_QUEUE}/{ANY}", COUNTERS),
    ("GET", RECEIVED_JOINT, PROVIDERS),
    ("GET", f"{RECEIVED_JOINT}/{ANY}", PROVIDERS),
    ("POST", f"{RECEIVED_JOINT}/{ANY}/survey-days", PROVIDERS),
    ("PUT", f"{RECEIVED_JOINT}/{ANY}/survey-answer", PROVIDERS),
    ("GET", CALENDAR, OVERSEERS),
    ("POST", CALENDAR, OPERATORS),
    ("POST", f"{CALENDAR}/{ANY}/approve", OPERATORS),
    ("POST", f"{CALENDAR}/{ANY}/reject", OPERATORS),
    ("GET", "/services/v1/late-cases", SUPERVISED),
    ("GET", ORDERS, SUPERVISED),
    ("GET", f"{ORDERS}/{ANY}", SUPERVISED),
    ("POST", ORDERS, OPERATORS),
    ("POST", f"{ORDERS}/{ANY}/reply", RATED),
    *(("POST", f"{ORDERS}/{ANY}/{action}", OPERATORS) for action in ("accept", "return", "withdraw")),
    ("GET", f"{CASES}/{ANY}/ratings", PERSONS),
    ("POST", f"{CASES}/{ANY}/ratings", PERSONS),
    ("GET", RATINGS, SUPERVISED),
    ("POST", f"{RATINGS}/{ANY}/appeal", RATED),
    ("GET", APPEALS, OVERSEERS),
    ("POST", f"{APPEALS}/{ANY}/decide", OPERATORS),
    ("GET", RECTIFICATIONS, SUPERVISED),
    ("GET", f"{RECTIFICATIONS}/{ANY}", SUPERVISED),
    ("POST", f"{RECTIFICATIONS}/{ANY}/answer", RATED),
    *(("POST", f"{RECTIFICATIONS}/{ANY}/{action}", OPERATORS) for action in ("pause", "resume", "call-back")),
    ("GET", COMPLAINTS, PERSONS),
    ("POST", COMPLAINTS, PERSONS),
    ("GET", f"{COMPLAINTS}/{ANY}", PERSONS),
    *(
        ("POST", f"{COMPLAINTS}/{ANY}/{action}", PERSONS)
        for action in ("withdraw", "confirm", "dispute", "reopen", "hand-over")
    ),
    ("PUT", f"{COMPLAINTS}/{ANY}/materials/{ANY}", PERSONS),
    ("GET", GOT_COMPLAINTS, SUPERVISED),
    ("GET", f"{GOT_COMPLAINTS}/{ANY}/materials/{ANY}", SUPERVISED),
    ("GET", f"{GOT_COMPLAINTS}/{ANY}", SUPERVISED),
    *(("POST", f"{GOT_COMPLAINTS}/{ANY}/{action}", COUNTERS) for action in ("accept", "refuse", "assign", "call-back")),
    ("POST", f"{GOT_COMPLAINTS}/{ANY}/answer", (RATED | OPERATORS) - {"company operator"}),
    *(("POST", f"{GOT_COMPLAINTS}/{ANY}/{action}", OPERATORS) for action in ("retry-hotline", "hand-over")),
    ("POST", "/services/v1/account-premises", PROVIDERS),
    ("POST", OUTAGES, PROVIDERS),
    *(("POST", f"{OUTAGES}/{ANY}/{action}", PROVIDERS) for action in ("changes", "end", "cancel")),
    ("GET", "/services/v1/me/outages", PERSONS),
    ("GET", ARREARS, PROVIDERS),
    ("POST", ARREARS, PROVIDERS),
    ("GET", f"{ARREARS}/{ANY}", PROVIDERS),
    ("POST", f"{ARREARS}/{ANY}/announce-cut-off", PROVIDERS),
    # A client of no approved provider has nothing to act on.
    *(("POST", f"{ARREARS}/{ANY}/{action}", set[str]()) for action in ("cut-off", "reconnection", "withdraw")),
    ("GET", "/services/v1/me/arrears-notices", PERSONS),
    ("GET", f"/services/v1/me/arrears-notices/{ANY}", PERSONS),
    ("GET", "/services/v1/late-reconnections", OVERSEERS),
]
