class InvariantBrokenError(RuntimeError):
    """What the code around it rules out has happened. Unlike an assert it speaks under `python -O`, too."""
