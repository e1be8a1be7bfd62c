"""A trail that cannot be rewritten unseen: rows sealed in a hash chain whose head is anchored outside the database."""
