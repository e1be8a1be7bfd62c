from pydantic import BaseModel


class SigningKey(BaseModel):
    kty: str
    n: str
    e: str
    kid: str
    use: str
    alg: str


class SigningKeys(BaseModel):
    """A JSON Web Key Set (RFC 7517)."""

    keys: list[SigningKey]
