"""The house rules that ruff, mypy and import-linter do not state."""
