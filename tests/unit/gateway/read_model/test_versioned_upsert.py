"""Which writes of a batch are made: of one document the newest, and each of those that bear no version."""

from itertools import permutations

from gateway.read_model.versioned_upsert import VersionedUpsert, _newest

A1, A2, A3 = (VersionedUpsert("a", {}, {}, version=version) for version in (1, 2, 3))
B1 = VersionedUpsert("b", {}, {}, version=1)
STEP = VersionedUpsert("r", {}, [])


def test_the_newest_of_each_document_is_made_wherever_it_stands() -> None:
    for writes in permutations((A1, A2, A3, B1, STEP)):
        chosen = [writes[place] for place in _newest(writes, range(len(writes)))]
        assert sorted((write.id, write.version) for write in chosen) == [("a", 3), ("b", 1), ("r", None)], writes


def test_of_two_of_one_version_the_first_is_made() -> None:
    assert _newest([A1, A1], range(2)) == [0]


def test_steps_of_requests_are_all_made() -> None:
    assert _newest([STEP, STEP, STEP], range(3)) == [0, 1, 2]


def test_where_the_newest_can_not_be_made_an_older_one_is() -> None:
    writes = [A3, A1, A2, B1]
    assert _newest(writes, range(4)) == [0, 3]
    assert _newest(writes, [1, 2]) == [2]
    assert _newest(writes, []) == []
