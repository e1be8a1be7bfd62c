"""Network addresses as limits count them."""

from ipaddress import IPv6Address, ip_address, ip_network

_OF_ONE_LINE = 64
"""Bits of an IPv6 address that the provider of a line chooses; the rest is free for whoever has the line."""


def counted(address: str) -> str:
    """An IPv4 address as it is, an IPv6 address by its /64; anything else as one."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ip_network((parsed, _OF_ONE_LINE), strict=False))
