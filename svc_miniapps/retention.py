"""How long this service keeps the rows of each table: it has those of members of staff only, as proof."""

from kit.evidence.retention import Job, Kept, Retention

_ACTED = Kept("PIPL 51 and 54: which member of staff did it; the person is an id, which names nobody once closed")
_TESTER = Job("svc_miniapps.publishing.testers.consumers:erase_tester", "PIPL 47: deleted with the account")
_OF_STAFF = (
    *("apps", "app_clients", "client_requests", "package_uploads", "packages"),
    *("releases", "reviews", "review_files", "staff_roles", "take_downs"),
    *("teams", "team_members", "app_handovers", "app_registrations", "app_icons"),
)
RETENTION = Retention(
    "miniapps",
    dict.fromkeys(_OF_STAFF, _ACTED) | {"testers": _TESTER, "trials": _TESTER},
)
