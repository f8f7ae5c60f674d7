"""How the adapter reads INSEE's links of succession (rule R10)."""

from datetime import date
from typing import Any

from services.insee_adapter.links import Link, query, read

FROM, TO = "30613890001278", "30613890001286"


def written(**fields: Any) -> dict[str, Any]:
    return {
        "siretEtablissementPredecesseur": FROM,
        "siretEtablissementSuccesseur": TO,
        "dateLienSuccession": "2021-10-15",
        "transfertSiege": False,
        "continuiteEconomique": True,
        "dateDernierTraitementLienSuccession": "2021-11-02T04:12:33.000",
        **fields,
    }


def links(*written_links: Any) -> list[Link]:
    return read(FROM, {"header": {"statut": 200}, "liensSuccession": list(written_links)})


def test_a_link_is_read_with_all_that_tells_how_clear_it_is() -> None:
    assert links(written()) == [Link(TO, date(2021, 10, 15), continuity=True, head_office_moved=False)]
    assert links(written(transfertSiege=True, continuiteEconomique=False)) == [
        Link(TO, date(2021, 10, 15), continuity=False, head_office_moved=True)
    ]


def test_a_day_that_insee_lacks_is_none() -> None:
    assert [link.day for link in links(written(dateLienSuccession="1900-01-01"), written(dateLienSuccession=None))] == [
        None,
        None,
    ]


def test_what_is_no_link_from_this_establishment_to_another_says_nothing() -> None:
    assert (
        links(
            written(siretEtablissementPredecesseur=TO, siretEtablissementSuccesseur=FROM),
            written(siretEtablissementSuccesseur=FROM),
            written(siretEtablissementSuccesseur="3061389000128"),
            written(siretEtablissementSuccesseur=None),
            "rubbish",
        )
        == []
    )
    assert read(FROM, {"header": {"statut": 200}}) == []


def test_what_is_not_said_is_not_taken_for_a_yes() -> None:
    assert links(written(continuiteEconomique=None, transfertSiege="true")) == [Link(TO, date(2021, 10, 15))]


def test_successors_are_asked_for_by_their_predecessor_all_at_once() -> None:
    assert query(FROM) == {"q": f"siretEtablissementPredecesseur:{FROM}", "nombre": "1000"}
