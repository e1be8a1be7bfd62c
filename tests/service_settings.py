"""Settings of a service under test."""

from functools import cache
from typing import Any, TypeVar, cast

from sqlalchemy import URL, make_url

from chassis.settings import ServiceSettings
from chassis.testing import PUBLIC_URL, Tokens

Settings = TypeVar("Settings", bound=ServiceSettings)


def settings_at(kind: type[Settings], url: URL, tokens: Tokens, **fields: Any) -> Settings:  # noqa: ANN401 - fields
    """Settings of a service under test whose database is the one at `url`, whatever its name."""
    usual = {
        "database_url": url.render_as_string(hide_password=False),
        "kafka": "127.0.0.1:1",
        "public_url": PUBLIC_URL,
        "jwks_url": tokens.jwks_url,
    }
    return cast("Settings", with_any_database(kind)(database_name=url.database, **{**usual, **fields}))


@cache  # making a class of settings takes as long as a short test
def with_any_database(kind: type[Settings]) -> type[Settings]:
    """Settings with `database_name` beside the server."""

    class WithAnyDatabase(kind):  # type: ignore[valid-type, misc]  # mypy takes no variable as a base class
        database_name: str

        @property
        def database(self) -> URL:
            return make_url(super().database).set(database=self.database_name)

    return WithAnyDatabase
