"""Resumable uploads (draft-ietf-httpbis-resumable-upload) with digests by RFC 9530.

A service has the two tables with the columns of `models`, the endpoints, and the processing of a complete file. The
rest is here: `service` for requests that append, `headers` for request and response headers, `parts` for the bytes.
"""
