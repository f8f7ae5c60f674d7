"""Who is admitted, who gives way, and when a time is up: plain arithmetic on connections and a time that are given."""

from ipaddress import ip_network

import pytest

from shared.runtime.http_server.connections import Connections
from shared.runtime.http_server.limits import Limits, party


class Fake:
    def __init__(self, deadline: float = 10.0) -> None:
        self.deadline = deadline
        self.dropped = self.late = False

    def time_out(self) -> None:
        self.late = True

    def drop(self) -> None:
        self.dropped = True


def connections(total: int = 4, each: int = 2, proxies: str | None = None) -> Connections:
    limits = Limits(connections=total, connections_per_address=each)
    return Connections(limits, [ip_network(proxies)] if proxies else [])


def test_an_address_has_its_share_and_gets_back_what_it_gives_up() -> None:
    known, first = connections(), Fake()
    assert [known.admit(c, "10.0.0.1") for c in (first, Fake(), Fake())] == [True, True, False]
    assert known.admit(Fake(), "10.0.0.2")
    known.release(first)
    assert len(known) == 3
    refused = Fake()
    assert not known.admit(refused, "10.0.0.1"), "the one that was refused counts until it has ended"


def test_releasing_twice_is_releasing_once() -> None:
    known, one = connections(), Fake()
    known.admit(one, "10.0.0.1")
    known.release(one)
    known.release(one)
    assert [known.admit(Fake(), "10.0.0.1") for _ in range(3)] == [True, True, False]
    assert len(known) == 3


def test_who_has_waited_longest_gives_way_and_who_works_never() -> None:
    known = connections(total=3, each=9)
    busy, older, younger = Fake(), Fake(), Fake()
    for one in (busy, older, younger):
        known.admit(one, "10.0.0.1")
    known.works(busy)
    known.works(older)
    known.waits(older)  # It has had its answer: now it has waited less long than the other.
    assert known.admit(Fake(), "10.0.0.2")
    assert (busy.dropped, older.dropped, younger.dropped) == (False, False, True)


def test_when_all_work_nobody_gives_way() -> None:
    known = connections(total=2, each=9)
    for one in (Fake(), Fake()):
        known.admit(one, "10.0.0.1")
        known.works(one)
    assert not known.admit(Fake(), "10.0.0.2")


def test_a_trusted_proxy_has_no_share() -> None:
    known = connections(total=9, each=1, proxies="10.0.0.0/24")
    assert [known.admit(Fake(), "10.0.0.7") for _ in range(3)] == [True] * 3
    assert [known.admit(Fake(), "10.0.1.7") for _ in range(2)] == [True, False]


def test_those_whose_time_is_up_are_told_and_no_others() -> None:
    known = connections(each=9)
    early, due, later = Fake(1.0), Fake(2.0), Fake(2.1)
    for one in (early, due, later):
        known.admit(one, "10.0.0.1")
    known.sweep(2.0)
    assert (early.late, due.late, later.late) == (True, True, False)


@pytest.mark.parametrize(
    ("host", "whose"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("", ""),
        ("a name", "a name"),
    ],
)
def test_an_ipv6_host_is_its_network(host: str, whose: str) -> None:
    assert party(host) == whose
