"""What this service states of the personal data that it holds, for `python -m deploy.evidence`: that of staff only."""

from kit.evidence.facts import Evidence, Figure, Held

_STAFF = Held("audit_trail", "kept: which member of staff did it")
_TESTER = Held("audit_trail", "when the team removes the tester, and with the closure of the account")

_OF_TEAMS = ("teams", "team_members", "app_handovers", "app_registrations", "app_icons")
TABLES = dict.fromkeys(
    (
        *("apps", "app_clients", "client_requests", "package_uploads", "packages"),
        *("releases", "reviews", "review_files", "staff_roles", "take_downs", *_OF_TEAMS),
    ),
    _STAFF,
) | dict.fromkeys(("testers", "trials"), _TESTER)
IMPERSONAL = frozenset(
    {
        *("app_filings", "app_names", "categories", "changed_days", "gray_listings", "icons", "listings"),
        *("package_deltas", "package_faces", "package_objects", "package_signatures", "package_upload_parts"),
    }
)
FIGURES = (
    Figure(
        "app_clients",
        "可请用户授权的微应用：按其可申请的权限",
        "SELECT scopes, count(*) AS apps, count(suspended_at) AS suspended FROM app_clients GROUP BY 1 ORDER BY 1",
    ),
)
EVIDENCE = Evidence("miniapps", TABLES, IMPERSONAL, FIGURES)
