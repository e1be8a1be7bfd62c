"""How long this service keeps the rows of each table: it has those of members of staff only, as proof."""

from kit.evidence.retention import Kept, Retention

_ACTED = Kept("PIPL 51 and 54: which member of staff did it; the person is an id, which names nobody once closed")
_OF_TEAMS = ("teams", "team_members", "app_handovers", "app_registrations", "app_icons")
RETENTION = Retention(
    "miniapps",
    dict.fromkeys(
        ("apps", "app_clients", "client_requests", "packages", "releases", "reviews", "staff_roles", *_OF_TEAMS), _ACTED
    ),
)
