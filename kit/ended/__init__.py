"""What has ended before its tokens, as svc_identity's events tell it: sign-ins, and the access of persons and clients.

A token tells what was true up to ten minutes ago. A service keeps what has ended since and refuses its tokens.
"""
