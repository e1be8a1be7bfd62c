import io

import segno


def drawn(address: str) -> str:
    """A QR code of an address, as SVG."""
    code = io.BytesIO()
    # M survives a fold or a stain; the white border is part of the standard.
    segno.make(address, error="m", micro=False).save(code, kind="svg", border=2, xmldecl=False)
    return code.getvalue().decode()


def painted(address: str) -> bytes:
    """A QR code of an address, as PNG that prints at 5 cm and more."""
    code = io.BytesIO()
    segno.make(address, error="m", micro=False).save(code, kind="png", border=4, scale=16)
    return code.getvalue()
