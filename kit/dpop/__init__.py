"""Proofs of possession (RFC 9449): a token that is bound to a key is good only with a fresh signature of that key."""

from kit.dpop.resources import prove_possession

__all__ = ["prove_possession"]
