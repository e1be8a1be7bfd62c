"""Messages signed by HTTP Message Signatures (RFC 9421) with Content-Digest (RFC 9530).

A signed request is bound to its method, target URI, recipient, time, nonce and body; a signed answer to its request,
status and body. `http-message-signatures` builds and verifies signatures; which ones are accepted is decided here
(docs/decisions/0078).
"""
