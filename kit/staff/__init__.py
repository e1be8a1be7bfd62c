"""Who holds which role, as svc_identity's events tell it: for services whose rules need a second person.

A token tells what was true up to ten minutes ago, and nothing of since when somebody holds a role or by whose word.
"""
