"""Kinds of fields that several services take, one rule each.

A rule names the fault and raises no sentence: each service has its own sentences and their translations.
"""
