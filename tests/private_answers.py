"""Which answers may be stored: those listed here. Everything else is no-store, and all of it is nosniff."""

from collections.abc import Iterable

CACHED = {
    ("GET", "/.well-known/oauth-authorization-server/identity"),
    ("GET", "/identity/.well-known/openid-configuration"),
    ("GET", "/identity/v1/oauth/jwks"),
    ("GET", "/miniapps/v1/catalogue"),
    ("GET", "/miniapps/v1/catalogue/{app_id}"),
    ("GET", "/miniapps/v1/icons/{sha256}"),
    ("GET", "/miniapps/v1/catalogue/{app_id}/qr-code"),
    ("GET", "/miniapps/v1/keys"),
    ("GET", "/miniapps/v1/recommended"),
    ("GET", "/miniapps/v1/catalogue/{app_id}/deltas/{sha256}"),
    ("GET", "/miniapps/v1/catalogue/{app_id}/package"),
    ("GET", "/miniapps/v1/catalogue/{app_id}/packages/{sha256}"),
    ("GET", "/payments/v1/signing-keys"),
    ("GET", "/services/v1/divisions"),
    ("GET", "/services/v1/divisions/{code}/townships"),
    ("GET", "/services/v1/providers"),
    ("GET", "/services/v1/providers/{provider_id}"),
    ("GET", "/services/v1/signing-keys"),
    ("GET", "/services/v1/calendars/{year}"),
    ("GET", "/services/v1/customer-classes"),
    ("GET", "/services/v1/service-items"),
    ("GET", "/services/v1/service-items/{item_id}"),
    ("GET", "/services/v1/league"),
    ("GET", "/services/v1/league-csv"),
    ("GET", "/services/v1/complaint-figures"),
    ("GET", "/services/v1/outages"),
    ("GET", "/services/v1/outages/{outage_id}"),
    ("GET", "/services/v1/tariff-plans"),
    ("GET", "/services/v1/tariff-plans/{tariff_id}"),
    ("GET", "/services/v1/tariffs"),
    ("GET", "/services/v1/tariffs/{tariff_id}"),
    ("GET", "/services/v1/utility-kinds"),
    ("GET", "/services/v1/workflows"),
    ("GET", "/services/v1/workflows/{workflow_id}"),
}
"""Public answers, the same for everybody; their refusals are no-store too."""


def faults_of(method: str, template: str, status: int, headers: Iterable[tuple[bytes, bytes]]) -> list[str]:
    """What is wrong with the headers of an answer."""
    sent = [(name.decode().lower(), value.decode()) for name, value in headers]
    caching = [value for name, value in sent if name == "cache-control"]
    sniffing = [value for name, value in sent if name == "x-content-type-options"]
    may_be_cached = (method, template) in CACHED and status in {200, 206, 304}
    is_right = caching == ["no-store"] or (may_be_cached and len(caching) == 1 and caching[0].startswith("public, max"))
    where = f"{method} {template}: {status}"
    return [
        *([] if is_right else [f"{where} has Cache-Control {caching}"]),
        *([] if sniffing == ["nosniff"] else [f"{where} has X-Content-Type-Options {sniffing}"]),
    ]
