"""svc_services with a database of the test's own, the reference data in it, and the real registry stand-in."""
