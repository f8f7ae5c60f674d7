"""The open connections of a server and their deadlines. Pure: connections and the time are given."""

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Protocol

from shared.runtime.http_server.limits import Limits, Network, party


class Connection(Protocol):
    """One connection, as its limits see it."""

    deadline: float
    """When what it waits for has taken too long, by the clock of the event loop."""

    def time_out(self) -> None:
        """Handle the passed deadline; afterwards there is another one, or the connection has ended."""

    def drop(self) -> None:
        """Close at once, without a response."""


class Connections:
    """The connections of one server.

    When the limit is reached, a new connection takes the place of the one that has waited longest without a request
    under way. So half-open connections from many addresses can't keep others out.
    """

    def __init__(self, limits: Limits, proxies: Sequence[Network] = ()) -> None:
        self.limits = limits
        self._proxies = proxies
        self._parties: dict[Connection, str] = {}
        self._count: dict[str, int] = {}
        self._waiting: dict[Connection, None] = {}

    def __len__(self) -> int:
        return len(self._parties)

    def admit(self, connection: Connection, host: str) -> bool:
        """Add a new connection, and return whether it may be served. Either way it counts until it is released."""
        whose = party(host)
        others = len(self._parties), self._count.get(whose, 0)
        self._parties[connection] = whose
        self._count[whose] = others[1] + 1
        if others[1] >= self.limits.connections_per_address and not self._is_proxy(host):
            return False
        if others[0] >= self.limits.connections and not self._make_room():
            return False
        self.waits(connection)
        return True

    def release(self, connection: Connection) -> None:
        """Forget a connection that has ended."""
        whose = self._parties.pop(connection, None)
        if whose is not None:
            self._count[whose] -= 1
            if not self._count[whose]:
                del self._count[whose]
        self.works(connection)

    def waits(self, connection: Connection) -> None:
        """Note that a connection has no request under way from now on."""
        self._waiting[connection] = None

    def works(self, connection: Connection) -> None:
        """Note that a connection has a request under way, or is ending."""
        self._waiting.pop(connection, None)

    def sweep(self, now: float) -> None:
        """Time out every connection whose deadline has passed."""
        for late in [connection for connection in self._parties if connection.deadline <= now]:
            late.time_out()

    def _make_room(self) -> bool:
        oldest = next(iter(self._waiting), None)
        if oldest is None:
            return False
        self.works(oldest)
        oldest.drop()
        return True

    def _is_proxy(self, host: str) -> bool:
        if not self._proxies:
            return False
        try:
            address = ip_address(host)
        except ValueError:
            return False
        return any(address in network for network in self._proxies)
