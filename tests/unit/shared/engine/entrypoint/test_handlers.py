"""What is kept of another owner's records, and by which names it is found."""

from shared.engine.entrypoint.handlers import Feeds
from shared.engine.storage.protocol import Copy

RECORD = Copy("structure:structure:42", 3, {"id": 42, "name": "Exemple", "codes": ["a", "b"]})


def test_a_record_is_kept_whole_and_has_no_name_unless_the_owner_says_otherwise() -> None:
    assert Feeds(states=("structure",)).copy("structure", RECORD) == RECORD


def test_of_an_owner_that_says_so_a_part_is_kept_and_found_by_names_that_the_part_may_leave_out() -> None:
    feeds = Feeds(
        states=("structure", "manager"),
        kept={"structure": lambda record: {"id": record["id"]}},
        names={"structure": lambda record: (f"structure:{code}" for code in record["codes"])},
    )
    assert feeds.copy("structure", RECORD) == Copy(RECORD.key, 3, {"id": 42}, ("structure:a", "structure:b"))
    assert feeds.copy("manager", RECORD) == RECORD
