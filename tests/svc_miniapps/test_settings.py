"""Settings that cannot work are refused at start."""

import pytest

from chassis.settings import load
from kit.environment import environment
from svc_miniapps.settings import Settings
from tests.signing_keys import new_pem

USUAL = {
    "database_url": "postgresql://nobody@127.0.0.1:1",
    "kafka": "127.0.0.1:1",
    "public_url": "http://127.0.0.1:1",
    "jwks_url": "http://127.0.0.1:1",
    "package_signing_key": new_pem(),
}


@pytest.mark.parametrize("url", ["memory:///", "file://relative", "/srv/packages", "http://bucket", ""])
def test_a_store_that_does_not_persist_is_refused_in_one_sentence(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    with environment(**USUAL, packages=url), pytest.raises(SystemExit) as end:
        load(Settings)
    assert end.value.code == 2
    message = capsys.readouterr().err
    assert "MYILI_PACKAGES" in message
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize("url", ["file:///srv/packages", "s3://bucket/prefix"])
def test_a_folder_or_a_bucket_is_accepted(url: str) -> None:
    with environment(**USUAL, packages=url):
        assert load(Settings).packages == url
