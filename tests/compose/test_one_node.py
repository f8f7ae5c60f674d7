"""docker-compose.yml as it stands: used by both channels, looked at by a stranger, scaled under load."""

import json
from collections.abc import Iterator

import pytest

from dev.run.clients import KAFKA_AUDIENCE, OUTCOMES
from tests.compose.flow import Flow
from tests.compose.stack import Stack, running
from tests.journeys.builders import new_structure
from tests.support.kafka import Partner, Reader
from tests.support.system import until

pytestmark = pytest.mark.timeout(1200)
STRUCTURES = 24


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(Stack("one", tmp_path_factory.mktemp("one"))) as one:
        yield one


def test_the_demo_data_are_there_once_all_is_up(stack: Stack) -> None:
    with stack.as_("alice") as api:
        assert api.get("/structures/1").json()["name"] == "Association des Lumières d'Été"
        assert api.patch("/structures/1", json={"email": "accueil@example.fr"}).json()["code"] == "accepted"


def test_a_modification_goes_from_http_to_accepted_to_effective_to_readable(stack: Stack) -> None:
    structure = new_structure(stack)
    path = f"/structures/{structure['id']}"
    with stack.as_("alice") as api:
        outcome = api.patch(path, json={"email": "accueil@example.fr"}).json()
        assert outcome["code"] == "accepted"
        pending = api.get(path, params={"min_version": outcome["version"]}).json()
        assert "email" not in pending
        assert [p["request_id"] for p in pending["pending"]] == [outcome["request_id"]]
        until(lambda: api.get(path).json().get("email") == "accueil@example.fr", what="the change readable")
        request = until(lambda: _applied(api.get(f"/requests/{outcome['request_id']}").json()))
        assert request["at"] >= outcome["effective_at"]


def _applied(request: dict[str, object]) -> dict[str, object] | None:
    return request if request["status"] == "applied" else None


def test_another_system_comes_from_outside_the_containers_with_any_codec(stack: Stack) -> None:
    structure = new_structure(stack)
    outcomes = Reader(stack.partner(), OUTCOMES)
    # Kafka looks into the batch, since it stamps it: the codec's native library must be able to run in the container.
    partner = Partner({**stack.partner(), "compression.type": "zstd"})
    token = stack.token("alice", KAFKA_AUDIENCE)
    data = {"structure": {"id": structure["id"]}, "phone": "0102030405"}
    rid = partner.submit("structure.requests", "structure.modify.v1", data, token)
    for status in ("accepted", "applied"):
        assert outcomes.until(lambda seen, s=status: (seen.get("request_id"), seen.get("status")) == (rid, s))  # type: ignore[misc]
    outcomes.close()


def test_the_administrator_makes_a_partner_whose_password_is_shown_once(stack: Stack) -> None:
    add = ("run", "--rm", "--no-TTY", "provision", "ops", "partners", "add", "autre")
    password = stack.compose(*add).split()[-1]
    settings = {**stack.partner(), "sasl.username": "autre", "sasl.password": password}
    Reader(settings, "outcomes.autre").close()
    assert password not in stack.compose(*add)
    assert password not in stack.compose("logs", "--no-color")


def test_an_operator_sees_dead_letters_and_what_is_late_and_no_collection(stack: Stack) -> None:
    Partner(stack.partner()).send("structure.requests", b"\xff", {"ce_type": b"structure.modify.v1"})
    until(
        lambda: "message_unreadable" in stack.ops("dlq", "list", "structure_svc", "--count"), 90, what="the dead letter"
    )
    assert "Nothing is overdue" in stack.ops("requests", "overdue")
    assert "Nothing is waiting" in stack.ops("requests", "waiting")
    look = (
        "import pymongo\n"
        "database = pymongo.MongoClient(open('/run/secrets/structure_svc_mongo_uri').read()).structure_svc\n"
        "print(database.structure_waiting.find_one())\n"
        "try: database.structure_documents.find_one()\n"
        "except pymongo.errors.OperationFailure as error: print(error.code)"
    )
    said = stack.compose("run", "--rm", "--no-TTY", "--entrypoint", "python", "ops", "-c", look)
    assert said.split() == ["None", "13"]


def test_nothing_runs_as_root_writes_to_its_image_or_is_published_to_the_world(stack: Stack) -> None:
    containers = stack.containers()
    assert len(containers) == 15
    for service, container in containers.items():
        host = container["HostConfig"]
        assert container["Config"]["User"] not in {"", "0", "root"}, service
        assert host["ReadonlyRootfs"], service
        assert host["CapDrop"] == ["ALL"], service
        assert "no-new-privileges:true" in host["SecurityOpt"], service
        assert host["Memory"] > 0, service
        published = [address["HostIp"] for addresses in host["PortBindings"].values() for address in addresses]
        assert set(published) <= {"127.0.0.1"}, service


def test_no_secret_is_seen_from_outside(stack: Stack) -> None:
    described = json.dumps(stack.containers())
    logs = stack.compose("logs", "--no-color")
    for file in stack.secrets.iterdir():
        value = file.read_text(encoding="ascii").strip()
        if file.name in {"kafka_ca", "kafka_cluster_id"}:  # These are no secrets.
            continue
        assert value not in described, file.name
        assert value not in logs, file.name


def test_the_image_of_production_holds_neither_the_issuer_nor_a_compiler(stack: Stack) -> None:
    code = "import shutil, importlib.util as u; print(u.find_spec('dev'), *map(shutil.which, ('cc', 'gcc', 'make')))"
    assert stack.python("structure_svc", code).split() == ["None"] * 4


def test_a_service_reaches_its_own_mongodb_alone_and_there_its_own_database_alone(stack: Stack) -> None:
    reach = "import socket; socket.create_connection(({host!r}, 27017), 2).close(); print('reached')"
    assert "reached" in stack.python("structure_svc", reach.format(host="mongo-structure"))
    others = stack.containers()
    for other in ("mongo-manager", "mongo-insee", "mongo-gateway"):
        [network] = others[other]["NetworkSettings"]["Networks"].values()
        for host in (other, network["IPAddress"]):
            with pytest.raises(AssertionError, match=r"gaierror|TimeoutError|Network is unreachable"):
                stack.python("structure_svc", reach.format(host=host))
    look = (
        "import pymongo; client = pymongo.MongoClient(open('/run/secrets/mongo_uri').read())\n"
        "print(client.structure_svc.command('ping')['ok'])\n"
        "for database in ('admin', 'local', 'manager_svc'):\n"
        "    try: print('read', client[database].anything.find_one())\n"
        "    except pymongo.errors.OperationFailure as error: print(error.code)"
    )
    assert stack.python("structure_svc", look).split() == ["1.0", "13", "13", "13"]


def test_a_service_without_its_database_is_not_ready(stack: Stack) -> None:
    assert stack.not_ready("structure_svc") is None
    stack.compose("pause", "mongo-structure")
    try:
        assert "mongodb" in str(stack.not_ready("structure_svc"))
    finally:
        stack.compose("unpause", "mongo-structure")
    until(lambda: stack.not_ready("structure_svc") is None, what="ready again")


def test_scaling_a_service_to_three_and_back_loses_nothing_that_was_accepted(stack: Stack) -> None:
    structures = [new_structure(stack)["id"] for _ in range(STRUCTURES)]
    with Flow(stack, structures, per_second=15) as flow:
        until(lambda: flow.count > 30, what="requests flowing")
        stack.up("--no-recreate", "--scale", "structure_svc=3")
        for replica in (1, 2, 3):
            until(lambda r=replica: _accepted(stack, r) > 0, 60, what=f"replica {replica} decides")  # type: ignore[misc]
        before = flow.count
        stack.up("--no-recreate", "--scale", "structure_svc=1")
        until(lambda: flow.count > before + 60, 60, what="requests still flowing")
    assert flow.refused == []
    flow.wait_until_all_are_applied()


def _accepted(stack: Stack, replica: int) -> float:
    """How many requests a replica has accepted, as its metrics say."""
    code = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8100/metrics').read().decode())"
    lines = stack.python("structure_svc", code, replica).splitlines()
    wanted = 'structures_requests_total{status="accepted",type="structure.modify.v1"}'
    return sum(float(line.split()[-1]) for line in lines if line.startswith(wanted))
