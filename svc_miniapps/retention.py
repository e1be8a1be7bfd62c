"""How long this service keeps the rows of each table: those of members of staff as proof, messages for a season."""

from kit.evidence.retention import Job, Kept, Period, Retention, Rule

_ACTED = Kept("PIPL 51 and 54: which member of staff did it; the person is an id, which names nobody once closed")
_TESTER = Job("svc_miniapps.publishing.testers.consumers:erase_tester", "PIPL 47: deleted with the account")
_OF_STAFF = (
    *("apps", "app_clients", "client_requests", "package_uploads", "packages"),
    *("releases", "reviews", "staff_roles", "take_downs"),
    *("teams", "team_members", "app_handovers", "app_registrations", "app_icons", "message_templates", "call_quotas"),
)
_ENOUGH = "PIPL 19: the shortest time that the purpose needs"
_MESSAGES: dict[str, Rule] = {
    "app_messages": Period(90, "sent_at", "a resident reads them", _ENOUGH),
    "message_consents": Period(
        365, "coalesce(used_at, ended_at, expires_at)", "who agreed to a message can be shown", "PIPL 14 and 69"
    ),
    "subscribers": Job("svc_miniapps.runtime.messages.consumers:erase", "PIPL 47: deleted with the account"),
}
RETENTION = Retention(
    "miniapps",
    dict.fromkeys(_OF_STAFF, _ACTED) | {"testers": _TESTER, "trials": _TESTER} | _MESSAGES,
)
