"""What one client may send, keep open and leave unread. The defaults suit a public server."""

import ipaddress
from dataclasses import dataclass
from functools import lru_cache

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one server; times are in seconds.

    Within them it behaves as any other HTTP/1.1 server.
    """

    header_bytes: int = 32 * 1024
    """Of all header lines of a request; the longest token accepted is half of it."""
    header_lines: int = 100
    target_bytes: int = 8 * 1024
    """Of the path and the query; RFC 9112 wants 8,000 at least."""
    header_s: float = 10.0
    """From a request's first byte, or the opening of its connection, to the end of its headers."""
    body_s: float = 30.0
    """From the end of the headers to the end of the body."""
    body_bytes: int = 8 * 1024 * 1024
    """Of one body as it is transferred, with chunk sizes and all other framing. The application limits what it reads of
    it by itself."""
    unread_s: float = 30.0
    """For how long a client may leave an answer unread."""
    idle_s: float = 75.0
    """For how long a connection may wait for its next request; longer than load balancers keep theirs."""
    connections: int = 2_000
    connections_per_address: int = 500


@lru_cache(maxsize=4096)
def party(host: str) -> str:
    """Return the network that counts as one client: an IPv4 address, or a /64 of IPv6, since a host has all of one."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return host
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address.packed[:8] + bytes(8), 64)))
