"""What this service states of the personal data that it holds, for `python -m deploy.evidence`."""

from kit.evidence.facts import Evidence, Figure, Held

_STAFF = Held("audit_trail", "kept: which member of staff did it")
_TESTER = Held("audit_trail", "when the team removes the tester, and with the closure of the account")

_WRITTEN_TO = Held("app_access", "with the closure of the account")
_BY_THE_PERSON = Held("account", "when the person deletes or withdraws it, and with the closure of the account")
_OF_RESIDENTS = {
    "subscribers": _WRITTEN_TO,
    "message_consents": Held("app_access", "a year after it was used or ended, and with the closure of the account"),
    "app_messages": Held("app_access", "90 days after it was sent, and with the closure of the account"),
    **dict.fromkeys(("recent_apps", "recent_choices", "app_ratings", "app_rating_reports"), _BY_THE_PERSON),
    "openings": Held("account", "once the day is counted; until then under a hash whose key goes with the day"),
    "app_complaints": Held("account", "words, contact and person go with the closure of the account; answers are kept"),
}
_OF_TEAMS = ("teams", "team_members", "app_handovers", "app_registrations", "app_icons")
TABLES = (
    dict.fromkeys(
        (
            *("apps", "app_clients", "client_requests", "package_uploads", "packages"),
            *("releases", "reviews", "staff_roles", "take_downs", "app_domains", "app_shutdowns", *_OF_TEAMS),
            *("review_files", "message_templates", "call_quotas", "team_quota_changes"),
            *("app_rating_replies", "recommended_lists", "team_webhooks", "webhook_deliveries"),
        ),
        _STAFF,
    )
    | dict.fromkeys(("testers", "trials"), _TESTER)
    | _OF_RESIDENTS
)
IMPERSONAL = frozenset(
    {
        *("app_calls", "app_filings", "app_names", "categories", "changed_days", "gray_listings", "icons", "listings"),
        *("package_deltas", "package_domains", "package_faces", "package_objects"),
        *("package_signatures", "package_upload_parts"),
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
