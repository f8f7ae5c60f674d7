"""Every route of the OpenAPI document is sent what it expects, and rubbish: it answers as documented, and never 500.

Bodies and parameters are made from the document's own schemas. The owners are real, so their rules are tried too.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.journeys.builders import add_member, new_structure
from tests.support.contract import DOCUMENT, check_read_answer, operations
from tests.support.from_schema import TEXT, right, spoilt
from tests.support.system import System

EXAMPLES = 10
STRANGE = st.one_of(TEXT, st.sampled_from(["0", "-1", "1e3", "9" * 30, "\x00", "é", "%", "..", " ", "null", "true"]))


class Target:
    """A structure of alice's that may be spoilt, and the clients that try."""

    def __init__(self, system: System) -> None:
        self.structure = new_structure(system)
        add_member(system, self.structure["id"], "marc", "modification")
        self.clients = [system.as_(who, wait=5) for who in ("alice", "admin", "marc")]
        for client in self.clients:
            client.event_hooks = {"response": [_checked]}
        self.request_id = self.clients[0].patch(self.path, json={"label": "x"}).json()["request_id"]

    @property
    def path(self) -> str:
        return f"/structures/{self.structure['id']}"


def _checked(answer: httpx2.Response) -> None:
    if not answer.headers["content-type"].startswith("text/event-stream"):
        answer.read()
    check_read_answer(answer)


@pytest.fixture(scope="module")
def target(system: System) -> Iterator[Target]:
    made = Target(system)
    yield made
    for client in made.clients:
        client.close()


def _parameters(operation: Mapping[str, Any], where: str) -> dict[str, Mapping[str, Any]]:
    return {p["name"]: p["schema"] for p in operation.get("parameters", ()) if p["in"] == where}


def _path(draw: Any, path: str, operation: Mapping[str, Any], target: Target) -> str:
    known = {
        "structure_id": str(target.structure["id"]),
        "request_id": target.request_id,
        "type": "AUTRE",
        "value": target.structure["identifier"]["value"],
        "user": "nobody",
        "siret": "00010001600013",
    }
    for name in _parameters(operation, "path"):
        chosen = known[name] if draw(st.integers(0, 3)) else draw(STRANGE)
        path = path.replace(f"{{{name}}}", quote(chosen, safe=""))
    return path.removeprefix("/api/v1")


def _body(draw: Any, operation: Mapping[str, Any]) -> Any:
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    return draw(st.one_of(right(schema, DOCUMENT), spoilt(schema, DOCUMENT)))


@pytest.mark.parametrize(
    ("method", "path"), [(m, p) for m, p, _ in operations()], ids=lambda v: v.removeprefix("/api/v1/")
)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
@given(data=st.data())
def test_a_route_answers_as_documented_whatever_it_is_sent(
    target: Target, method: str, path: str, data: st.DataObject
) -> None:
    operation = DOCUMENT["paths"][path][method]
    query = {
        name: data.draw(st.one_of(right(schema, DOCUMENT).map(_text), STRANGE))
        for name, schema in _parameters(operation, "query").items()
        if data.draw(st.booleans())
    }
    sent: dict[str, Any] = {"params": query}
    if "requestBody" in operation:
        sent["json"] = _body(data.draw, operation)
    if method != "get" and data.draw(st.booleans()):
        sent["headers"] = {"Idempotency-Key": data.draw(st.text("ab|é/", max_size=3)).encode()}
    client = data.draw(st.sampled_from(target.clients))
    url = _path(data.draw, path, operation, target)
    with client.stream(method.upper(), url, **sent) as answer:  # What a stream of events holds is not waited for.
        assert answer.status_code < 500


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value).lower()


def test_afterwards_everything_works(system: System) -> None:
    structure = new_structure(system)
    with system.as_("alice") as api:
        assert api.patch(f"/structures/{structure['id']}", json={"label": "après"}).json()["status"] == "accepted"
