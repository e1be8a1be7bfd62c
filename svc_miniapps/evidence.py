"""What this service states of the personal data that it holds, for `python -m deploy.evidence`."""

from kit.evidence.facts import Evidence, Figure, Held

_STAFF = Held("audit_trail", "kept: which member of staff did it")
_TESTER = Held("audit_trail", "when the team removes the tester, and with the closure of the account")

_BY_THE_PERSON = Held("account", "when the person deletes or withdraws it, and with the closure of the account")
_OF_A_DAY = Held("account", "once the day is counted; until then under a hash whose key goes with the day")

_OF_TEAMS = ("teams", "team_members", "app_handovers", "app_registrations", "app_icons")
TABLES = dict.fromkeys(
    (
        *("apps", "app_clients", "client_requests", "package_uploads", "packages"),
        *("releases", "reviews", "staff_roles", "take_downs", *_OF_TEAMS),
        *("app_rating_replies", "recommended_lists", "team_webhooks", "webhook_deliveries"),
    ),
    _STAFF,
) | dict.fromkeys(("testers", "trials"), _TESTER)
TABLES |= dict.fromkeys(("recent_apps", "recent_choices", "app_ratings", "app_rating_reports"), _BY_THE_PERSON)
TABLES["openings"] = _OF_A_DAY
IMPERSONAL = frozenset(
    {
        *("app_filings", "app_names", "categories", "changed_days", "gray_listings", "icons", "listings"),
        *("package_deltas", "package_faces", "package_upload_parts"),
        *("app_errors", "app_figures", "app_grades", "day_keys", "webhook_attempts"),
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
