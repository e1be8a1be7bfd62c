"""What a service states of the personal data that it holds, for the evidence of a compliance audit (PIPL 54).

Each service states it in its own `evidence.py`; `python -m deploy.evidence` puts all of it into one folder.
"""
