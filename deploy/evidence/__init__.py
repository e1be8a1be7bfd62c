"""The evidence of a compliance audit of personal information (PIPL 54; Measures in force since 2025-05-01)."""
