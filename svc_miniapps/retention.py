"""How long this service keeps the rows of each table; the worker carries it out, and the evidence shows it."""

from kit.evidence.retention import Job, Kept, Period, Retention

_ACTED = Kept("PIPL 51 and 54: which member of staff did it; the person is an id, which names nobody once closed")
_CLOSED = Job("svc_miniapps.closure:erase_person", "PIPL 47: deleted with the account")
_ENOUGH = "PIPL 19: the shortest time that the purpose needs"
_OF_STAFF = (
    *("apps", "app_clients", "client_requests", "package_uploads", "packages", "app_shutdowns", "team_quota_changes"),
    *("releases", "reviews", "review_files", "staff_roles", "take_downs", "app_domains"),
    *("app_rating_replies", "recommended_lists", "team_webhooks", "message_templates", "call_quotas"),
    *("teams", "team_members", "app_handovers", "app_registrations", "app_icons"),
)
RETENTION = Retention(
    "miniapps",
    dict.fromkeys(_OF_STAFF, _ACTED)
    | dict.fromkeys(("testers", "trials", "app_complaints", "app_ratings", "recent_choices", "subscribers"), _CLOSED)
    | {
        "recent_apps": Period(180, "opened_at", "what nobody has opened for half a year is not recent", _ENOUGH),
        "app_rating_reports": Period(365, "reported_at", "the decision about a report can be looked at", _ENOUGH),
        "webhook_deliveries": Period(90, "settled_at", "the team has it repeated after a breakdown", _ENOUGH),
        "openings": Job("svc_miniapps.insights.figures.worker:count_days", _ENOUGH),
        "app_messages": Period(90, "sent_at", "a resident reads them", _ENOUGH),
        "message_consents": Period(
            365, "coalesce(used_at, ended_at, expires_at)", "who agreed to a message can be shown", "PIPL 14 and 69"
        ),
    },
)
