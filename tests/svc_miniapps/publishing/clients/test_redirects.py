"""Redirect addresses have one form, so that comparing them as texts compares what browsers do."""

import pytest

from svc_identity.oauth.issuer import RESIDENT_SCOPES
from svc_miniapps.publishing.clients.redirects import RedirectAddressRefused, require_exact
from svc_miniapps.publishing.clients.schemas import ClientScope


@pytest.mark.parametrize(
    "address",
    [
        "https://app.ili.gov.cn/",
        "https://app.ili.gov.cn/callback",
        "https://app.ili.gov.cn:8443/a/b-c_d.e~f/",
        "https://xn--fiqs8s.xn--55qx5d.cn/callback",
    ],
)
def test_a_plain_address_is_taken(address: str) -> None:
    require_exact(address)


@pytest.mark.parametrize(
    "address",
    [
        "http://app.ili.gov.cn/callback",
        "myapp://callback",
        "javascript:alert(1)//a.cn/",
        "https://app.ili.gov.cn",
        "https://App.ili.gov.cn/",
        "HTTPS://app.ili.gov.cn/",
        "https://app.ili.gov.cn:443/",
        "https://app.ili.gov.cn:99999/",
        "https://app.ili.gov.cn:0/",
        "https://app.ili.gov.cn:080/",
        "https://user@app.ili.gov.cn/",
        "https://app.ili.gov.cn@evil.test/",
        "https://app.ili.gov.cn/#part",
        "https://app.ili.gov.cn/?next=/x",
        "https://app.ili.gov.cn/a/../b",
        "https://app.ili.gov.cn/a/.",
        "https://app.ili.gov.cn//evil.test/",
        "https://app.ili.gov.cn/%2e%2e/",
        "https://app.ili.gov.cn/a\\b",
        "https://app.ili.gov.cn/ ",
        "https://app.ili.gov.cn/\n",
        "https://127.0.0.1/callback",
        "https://[::1]/callback",
        "https://2130706433/callback",
        "https://1.2.3.0x4/callback",
        "https://localhost/callback",
        "https://app.localhost/callback",
        "https://printer.local/callback",
        "https://-app.cn/",
        "https://app.cn./",
        "https://应用.cn/",
        f"https://{'a' * 64}.cn/",
    ],
)
def test_anything_else_is_refused(address: str) -> None:
    with pytest.raises(RedirectAddressRefused):
        require_exact(address)


def test_apps_may_ask_for_what_residents_may_allow() -> None:
    assert {str(scope) for scope in ClientScope} == set(RESIDENT_SCOPES)
