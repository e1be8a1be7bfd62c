"""Messages signed by HTTP Message Signatures (RFC 9421) with Content-Digest (RFC 9530).

A signed request is bound to its method, target URI, recipient, time, nonce and body; a signed answer to its request,
status and body. Exactly one form of each is accepted (docs/decisions/0079).
"""
