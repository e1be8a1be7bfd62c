"""Kinds of fields that several services take, one rule each.

A rule names the fault and raises no sentence: the words with which a service refuses a value stand in that service,
where their translations are found.
"""
