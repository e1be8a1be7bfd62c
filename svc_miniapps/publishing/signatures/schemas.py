from pydantic import BaseModel


class PackageKey(BaseModel):
    """An EC P-256 public key (RFC 7517, RFC 7518)."""

    kty: str
    crv: str
    x: str
    y: str
    kid: str
    use: str
    alg: str


class PackageKeys(BaseModel):
    """The keys that sign packages now or soon, and those that have signed within the last year."""

    keys: list[PackageKey]
