"""What is not yours looks, and takes, like what is not there (rule R1): on every route and for every type of message.

Each operation of the OpenAPI document is called twice by somebody who may not know of what it names: once it names
what exists, once what does not. A new route comes by itself; a new parameter or field fails until it is said below what
it names.
"""

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import pairwise
from typing import Any

import httpx2
import pytest

from tests.journeys.builders import add_member, new_structure
from tests.support.contract import DOCUMENT, operations
from tests.support.system import System, until

OUTSIDERS = ("anonymous", "stranger", "former member", "technical account")
WHO = {"stranger": "sam", "former member": "marc", "technical account": "facturier"}
NAMES_NOTHING = frozenset({"page", "size", "sort", "status", "type", "possible", "sphere", "identifier_type", "siret"})
"""Parameters, of paths and queries, that name nothing that could be hidden."""
SAYS_NOTHING_OF_OTHERS = frozenset(
    {
        *("label", "name", "person", "address", "email", "phone", "parameters", "billing_mandate", "activate"),
        *("sphere", "profile", "pigp", "active"),
        # No two structures have one identifier: one that is taken must be reported as such (see the last test).
        "identifier",
        # Whoever may name another as principal must learn that nobody knows them.
        "principal",
    }
)
"""Fields of bodies that name nothing that could be hidden, or whose answer discloses it on purpose."""

OPERATIONS = [(method, path) for method, path, _ in operations()]
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.\d]*Z")
MADE_UP = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]")
_VARYING = frozenset({"date", "content-length"})

Names = Mapping[str, str]


class Scenario:
    """A private structure of alice's with a history, and the names of everything that exists and that does not."""

    def __init__(self, system: System) -> None:
        self.system = system
        # Where nothing else is: the caller may be a member of structures of other tests.
        record = new_structure(system, address={"city": "Villecachée", "postcode": "69399"})
        self.id = record["id"]
        path = f"/structures/{self.id}"
        add_member(system, self.id, "marc", "modification")
        with system.as_("alice") as alice:
            for number in range(3):
                request = alice.patch(path, json={"label": f"version {number}"}).json()
            alice.delete(f"{path}/members/marc")
            until(lambda: alice.get(path).json().get("label") == "version 2", what="its history")
            self.version = alice.get(path).json()["version"]
        with system.as_("marc") as marc:
            until(lambda: marc.get(path).status_code == 404, what="marc's membership ended")
        assert self.version > 3
        self.there: Names = {
            "structure_id": str(self.id),
            "structure": str(self.id),
            "value": record["identifier"]["value"],
            "q": record["identifier"]["value"],
            "city": "Villecachée",
            "postcode": "69399",
            "request_id": request["request_id"],
            "user": "alice",
            "actor": "alice",
        }
        self.absent: Names = {
            "structure_id": "8765432",
            "structure": "8765432",
            "value": "RIEN-DE-TEL",
            "q": "RIEN-DE-TEL",
            "city": "Nullepart",
            "postcode": "00000",
            "request_id": "6b5a9d51-0000-4000-8000-000000000000",
            "user": "nobody-ever",
            "actor": "nobody-ever",
        }
        self.same: Names = {"type": "AUTRE", "siret": "00010001600013"}

    def queries(self, operation: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return queries to try: none, and each parameter that selects by what is named."""
        tried: list[dict[str, Any]] = [{}]
        for name in (p["name"] for p in operation.get("parameters", ()) if p["in"] == "query"):
            if name == "min_version":
                tried += [{name: version} for version in (1, self.version, self.version + 1)]
            elif name == "at":
                tried += [{name: at} for at in ("2020-01-01T00:00:00Z", "2026-01-01T00:00:00Z")]
            elif name not in NAMES_NOTHING:
                tried.append({name: self.there[name]})
        return tried


@pytest.fixture(scope="module")
def scenario(system: System) -> Scenario:
    return Scenario(system)


@pytest.fixture(scope="module", params=OUTSIDERS)
def client(system: System, request: pytest.FixtureRequest) -> Iterator[httpx2.Client]:
    if request.param == "anonymous":
        with httpx2.Client(base_url=system.api, timeout=40) as nobody:
            yield nobody
        return
    with system.as_(WHO[request.param]) as somebody:
        yield somebody


class Answer:
    """An answer without what is made up anew each time: what it says, and whether it was waited for.

    Whichever of the two it is about, what it names is called by the same name.
    """

    def __init__(self, scenario: Scenario, answers: Sequence[httpx2.Response]) -> None:
        names = [(name, one) for names in (scenario.there, scenario.absent) for name, one in names.items()]
        first = answers[0]
        self.status = first.status_code
        self.headers = {k: _plain(v, names) for k, v in first.headers.items() if k not in _VARYING}
        self.body = _plain(first.json(), names)
        # Of several tries the fastest: a busy machine may hold one back.
        self.waits = all(_is_slow(answer) for answer in answers)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Answer) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(vars(self))


def _is_slow(answer: httpx2.Response) -> bool:
    """Tell whether an answer took as long as one that a version is waited for."""
    return answer.elapsed.total_seconds() > 0.4


def _plain(value: Any, names: Sequence[tuple[str, str]], key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _plain(v, names, name) for name, v in value.items()}
    if isinstance(value, list):
        return [_plain(v, names) for v in value]
    if key in {"id", "structure_id"} and str(value) in {one for name, one in names if name == "structure_id"}:
        return "<structure>"
    if not isinstance(value, str):
        return value
    for name, one in names:
        if name == "structure_id":
            value = re.sub(rf"/structures/{one}\b", "/structures/<structure>", value)
        elif not one.isdecimal():
            value = value.replace(one, f"<{name}>")
    return INSTANT.sub("<instant>", MADE_UP.sub("<made up>", value))


def _call(
    scenario: Scenario, client: httpx2.Client, method: str, path: str, query: Mapping[str, Any], names: Names
) -> tuple[Answer, Any]:
    """Call an operation about what has these names; return the answer, and the life of the request it made."""
    operation = DOCUMENT["paths"][path][method]
    url = path.format_map({**scenario.same, **names}).removeprefix("/api/v1")
    sent: dict[str, Any] = {"params": {name: names.get(name, value) for name, value in query.items()}}
    if "requestBody" in operation:
        examples = operation["requestBody"]["content"]["application/json"]["examples"]
        sent["json"] = next(iter(examples.values()))["value"]
    answers = [client.request(method, url, **sent)]
    while method == "get" and answers[-1].status_code != 425 and _is_slow(answers[-1]) and len(answers) < 4:
        answers.append(client.request(method, url, **sent))
    answer = Answer(scenario, answers)
    if method != "get":
        answer.waits = False  # What the request went through says it better.
    place = answers[0].headers.get("location")
    life = client.get(place.removeprefix("/api/v1")) if place else None
    if life is None:
        return answer, None
    shown = Answer(scenario, [life])
    return answer, (shown.status, shown.body, _waited(life.json()["steps"]))


def _waited(steps: Sequence[Mapping[str, Any]]) -> list[bool]:
    """Return for each step of a request but the first whether more than a second and a half passed before it."""
    times = [datetime.fromisoformat(step["at"]).timestamp() for step in steps]
    return [after - before > 1.5 for before, after in pairwise(times)]


@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=lambda v: v.removeprefix("/api/v1/"))
def test_a_route_answers_of_what_is_not_theirs_as_of_what_is_not_there(
    scenario: Scenario, client: httpx2.Client, method: str, path: str
) -> None:
    operation = DOCUMENT["paths"][path][method]
    if path == "/api/v1/structures" and method == "post":
        return  # It names nothing that exists; one more structure would be made each time.
    for query in scenario.queries(operation):
        with ThreadPoolExecutor(2) as both:
            there, absent = (
                both.submit(_call, scenario, client, method, path, query, names)
                for names in (scenario.there, scenario.absent)
            )
        assert there.result() == absent.result(), f"{method} {path} {query}"


def test_every_parameter_and_field_is_said_to_name_something_or_nothing(scenario: Scenario) -> None:
    named = {*scenario.there, *scenario.same, "min_version", "at"} | NAMES_NOTHING
    for method, path, operation in operations():
        parameters = {p["name"] for p in operation.get("parameters", ()) if p["in"] in {"path", "query"}}
        assert parameters <= named, f"{method} {path}: what do {parameters - named} name?"
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
        fields = set(body.get("properties", ())) - SAYS_NOTHING_OF_OTHERS
        assert not fields, f"{method} {path}: what do the fields {fields} name?"


def test_what_is_compared_is_no_error_of_everything(scenario: Scenario, system: System) -> None:
    """The routes that are compared answer otherwise to whoever may know: else they would be alike for no reason."""
    with system.as_("alice") as alice, system.as_("sam") as sam:
        names = {**scenario.same, **scenario.there}
        for method, path in OPERATIONS:
            if method == "get" and "{structure_id}" in path:
                url = path.format_map(names).removeprefix("/api/v1")
                assert (alice.get(url).status_code, sam.get(url).status_code) == (200, 404), path
        refused = sam.patch(f"/structures/{scenario.id}", json={"label": "x"})
        assert (refused.status_code, refused.json()["code"]) == (404, "structure_not_found")
        began = time.monotonic()
        late = sam.get(f"/structures/{scenario.id}", params={"min_version": 1})
        assert (late.status_code, late.json()["code"]) == (425, "not_yet")
        assert time.monotonic() - began > 0.4


def test_whoever_can_see_a_structure_learns_that_they_may_not(scenario: Scenario, system: System) -> None:
    add_member(system, scenario.id, "chloe", "consultation")
    public = new_structure(system)["id"]
    with system.as_("admin") as admin:
        corrected = admin.post(f"/structures/{public}/correct-sphere", json={"sphere": "state"}).json()
        assert corrected["status"] == "applied"
    with system.as_("sam") as sam, system.as_("chloe") as chloe:
        until(lambda: sam.get(f"/structures/{public}").status_code == 200, what="public")
        until(lambda: _code(sam.delete(f"/structures/{public}/members/alice")) == "principal_only", what="its team too")
        for who, id_ in ((chloe, scenario.id), (sam, public)):
            names = {**scenario.there, "structure_id": str(id_)}
            for method, path in OPERATIONS:
                if "{structure_id}" not in path:
                    continue
                answer, _ = _call(scenario, who, method, path, {}, names)
                directory = path.endswith("{structure_id}") or who is chloe
                expected = 200 if method == "get" and directory else 403
                assert answer.status == expected, f"{method} {path}: {answer}"
                if expected == 403:
                    codes = {"forbidden", "members_only", "principal_only", "administrator_only"}
                    assert answer.body["code"] in codes


def _code(answer: httpx2.Response) -> str:
    return str(answer.json()["code"])


def test_of_an_identifier_that_is_taken_nothing_more_is_disclosed(scenario: Scenario, system: System) -> None:
    public = new_structure(system)
    with system.as_("admin") as admin, system.as_("sam") as sam:
        admin.post(f"/structures/{public['id']}/correct-sphere", json={"sphere": "public_non_state"})
        refusals = []
        for value in (scenario.there["value"], public["identifier"]["value"]):
            body = {"identifier": {"type": "AUTRE", "value": value}, "name": "X", "address": {"city": "Lyon"}}
            answer = sam.post("/structures", json=body)
            life = sam.get(answer.headers["location"].removeprefix("/api/v1"))
            shown = [Answer(scenario, [a]) for a in (answer, life)]
            refusals.append(repr(shown).replace(value, "<value>"))
            assert answer.json()["code"] == "identifier_taken"
        assert refusals[0] == refusals[1]
