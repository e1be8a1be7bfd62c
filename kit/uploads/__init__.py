"""Uploads that go on where they were cut (draft-ietf-httpbis-resumable-upload), with digests by RFC 9530.

A slice has two tables with the columns of `models`, its endpoints, and what becomes of a file that is here. The rest is
here: `service` for requests that append, `headers` for request and response headers, `parts` for the bytes.
"""
