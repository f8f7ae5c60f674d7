"""The figures of a run, from its history."""

from tests.faults.figures import figures
from tests.faults.history import Event
from tests.unit.tests.faults.histories import DELAY, DOCUMENT, START, good, with_


def test_requests_decisions_and_effects_are_counted() -> None:
    reported = figures(good())
    assert (reported["requests"], reported["took_effect"], reported["cancelled"]) == (5, 2, 1)
    assert reported["decided"] == {"accepted": 3, "applied": 1, "rejected": 1}


def test_lateness_is_from_the_time_of_the_effect_to_its_being_told() -> None:
    assert figures(good())["lateness"] == {"p50": 9, "p99": 9, "max": 9}
    late = with_(good(), lambda e: e.version == 8 and e.what == "outcome", at=START + DELAY + 100 + 2_500)
    assert figures(late)["lateness"]["max"] == 2_500


def test_a_fault_is_felt_until_the_last_thing_it_held_up() -> None:
    fault = Event("fault", START + DELAY + 50, "structure_svc", code="kill")
    late = with_(good(), lambda e: e.version == 8 and e.what == "outcome", at=START + DELAY + 100 + 2_500)
    (felt,) = figures([*late, fault])["felt"]
    assert (felt["fault"], felt["felt_for"], felt["lateness"]["max"]) == ("kill structure_svc", 2_550, 2_500)
    assert figures([*good(), fault])["felt"][0]["felt_for"] == 0


def test_a_trigger_forwarded_again_is_a_duplicate_and_one_of_the_sweeper_is_not() -> None:
    again = Event("forwarded", START + DELAY + 5, "delay_svc", document=DOCUMENT, more={"id": "p0"})
    swept = Event("forwarded", START + DELAY + 5, "sweeper", document=DOCUMENT, more={"id": "s"})
    reported = figures([*good(), again, swept])
    assert (reported["duplicates_forwarded"], reported["triggered_by_sweeper"]) == (1, 1)
