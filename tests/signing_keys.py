"""Keys that sign tokens and packages in tests."""

from joserfc.jwk import ECKey


def new_pem() -> str:
    return ECKey.generate_key("P-256").as_pem(private=True).decode()
