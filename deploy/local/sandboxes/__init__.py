"""Sandboxes of the outside systems, each a process of its own, for machines that cannot reach the real ones."""
