"""A real mongod as a replica set, one node or three for fault tests: the part independent of where it runs.

All clients and nodes authenticate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from dev.brokers.cluster import Cluster, Node
from dev.brokers.errors import BrokerFailed
from dev.brokers.ports import HOST, is_listening

ADMIN = "admin"
REPLICA_SET = "structures"

USER_ALREADY_EXISTS = 51003
"""A code of MongoDB's errors."""

MakeNode = Callable[[int, int, Callable[[], bool]], Node]
"""Makes the node of a number, from 1, and a port; the function returns whether it is ready."""


class Mongo(Cluster):
    """A replica set with one node per port. `admin_password` has only letters, digits, `-` and `_`.

    `form` is called at each start, once the nodes answer. It creates the replica set and its administrator if there are
    none yet, and returns when there is a primary.
    """

    def __init__(
        self, ports: Sequence[int], admin_password: str, make_node: MakeNode, form: Callable[[Mongo], None]
    ) -> None:
        self.ports = tuple(ports)
        self.admin_password = admin_password
        self._form = form
        super().__init__([make_node(number, port, partial(_answers, port)) for number, port in enumerate(ports, 1)])

    @property
    def admin_uri(self) -> str:
        """The URI for the administrator, who may do everything."""
        return self._uri(ADMIN, self.admin_password, "admin")

    def start(self) -> None:
        """Start every node that doesn't run, and wait until there are a primary and the administrator."""
        super().start()
        try:
            self._form(self)
        except PyMongoError as error:
            self.kill()
            raise BrokerFailed(f"The replica set could not be formed: {error}", self.nodes[0].log) from error

    def ensure_service(self, name: str, password: str) -> str:
        """Create a user for the service `name` who may read and write only the database `name`; return its URI.

        The service creates its collections and indexes by itself, which `readWrite` allows. It may be called
        repeatedly.
        """
        roles = [{"role": "readWrite", "db": name}]
        with client_of(self.admin_uri) as client:
            try:
                client[name].command("createUser", name, pwd=password, roles=roles)
            except OperationFailure as error:
                if error.code != USER_ALREADY_EXISTS:
                    raise
                client[name].command("updateUser", name, pwd=password, roles=roles)
        return self._uri(name, password, name)

    def ensure_reader(self, name: str, password: str, database: str, collections: Sequence[str]) -> str:
        """Create a user who may read only these collections or views of a database; return its URI."""
        privileges = [{"resource": {"db": database, "collection": c}, "actions": ["find"]} for c in collections]
        with client_of(self.admin_uri) as client:
            there = client[database]
            known = there.command("rolesInfo", name)["roles"]
            there.command("updateRole" if known else "createRole", name, privileges=privileges, roles=[])
            known = there.command("usersInfo", name)["users"]
            there.command("updateUser" if known else "createUser", name, pwd=password, roles=[name])
        return self._uri(name, password, database)

    def _uri(self, user: str, password: str, database: str) -> str:
        hosts = ",".join(f"{HOST}:{port}" for port in self.ports)
        return f"mongodb://{user}:{password}@{hosts}/{database}?replicaSet={REPLICA_SET}"

    def members(self) -> list[dict[str, Any]]:
        """The members of the replica set, as its configuration lists them."""
        return [{"_id": number, "host": f"{HOST}:{port}"} for number, port in enumerate(self.ports, 1)]


def client_of(uri: str, patience: float = 30.0) -> MongoClient[dict[str, Any]]:
    """A client that waits `patience` seconds at most for a node that answers."""
    return MongoClient(uri, serverSelectionTimeoutMS=int(patience * 1000))


def mongod_options(port: int) -> list[str]:
    """The arguments of every node. A test's node is small, and quick to stop."""
    return [
        *("--replSet", REPLICA_SET, "--port", str(port)),
        *("--wiredTigerCacheSizeGB", "0.5", "--oplogSize", "990"),
        *("--quiet", "--slowms", "1000", "--setParameter", "diagnosticDataCollectionEnabled=false"),
        # One of several nodes would go on serving for 15 s after the signal to stop.
        *("--setParameter", "shutdownTimeoutMillisForSignaledShutdown=500"),
        # What a process that died had locked in a transaction is free again soon.
        *("--setParameter", "transactionLifetimeLimitSeconds=3"),
    ]


def _answers(port: int) -> bool:
    if not is_listening(port):
        return False
    try:
        with client_of(f"mongodb://{HOST}:{port}/?directConnection=true", patience=1.0) as client:
            client.admin.command("ping")
    except PyMongoError:
        return False
    return True
