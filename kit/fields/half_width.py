"""Text as Chinese keyboards type it."""

import unicodedata


def half_width(text: str) -> str:
    """Full-width digits and letters, as Chinese keyboards type them, in their ASCII form, without space around them."""
    return unicodedata.normalize("NFKC", text).strip()
