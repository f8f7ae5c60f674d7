"""A real mongod as a replica set: one node, or three for fault tests. Everybody authenticates."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from dev.brokers.errors import BrokerFailed
from dev.brokers.ports import HOST, check_free, is_listening
from dev.brokers.process import BrokerProcess, Cluster
from dev.brokers.secret_files import write_secret

ADMIN = "admin"
REPLICA_SET = "structures"

# Codes of MongoDB's errors.
UNAUTHORIZED = 13
ALREADY_INITIALIZED = 23
USER_ALREADY_EXISTS = 51003


class Mongo(Cluster):
    """A replica set with one node per port, its data in `folder`.

    `admin_password` and `key`, by which the nodes know each other, are fixed by the first start of a folder. The
    password is of letters, digits, `-` and `_`.
    """

    def __init__(self, folder: Path, mongod: Path, *, admin_password: str, key: str, ports: Sequence[int]) -> None:
        self._folder = folder.resolve()
        self._mongod = mongod
        self._admin_password = admin_password
        self._key = key
        self._ports = tuple(ports)
        super().__init__([self._node(number, port) for number, port in enumerate(self._ports, 1)])

    @property
    def admin_uri(self) -> str:
        """The address for the administrator, who may do everything."""
        return self._uri(ADMIN, self._admin_password, "admin")

    def start(self) -> None:
        """Start every node that doesn't run, and wait until there are a primary and the administrator."""
        super().start()
        try:
            self._form_replica_set()
            self._ensure_admin()
        except PyMongoError as error:
            self.kill()
            raise BrokerFailed(f"The replica set could not be formed: {error}", self.nodes[0].log) from error

    def ensure_service(self, name: str, password: str) -> str:
        """Give the service `name` a user who may read and write the database `name` alone; return its address.

        The service makes its collections and indexes by itself: `readWrite` allows it. May be called again and again.
        """
        roles = [{"role": "readWrite", "db": name}]
        with _client(self.admin_uri) as client:
            try:
                client[name].command("createUser", name, pwd=password, roles=roles)
            except OperationFailure as error:
                if error.code != USER_ALREADY_EXISTS:
                    raise
                client[name].command("updateUser", name, pwd=password, roles=roles)
        return self._uri(name, password, name)

    def _uri(self, user: str, password: str, database: str) -> str:
        hosts = ",".join(f"{HOST}:{port}" for port in self._ports)
        return f"mongodb://{user}:{password}@{hosts}/{database}?replicaSet={REPLICA_SET}"

    def _node(self, number: int, port: int) -> BrokerProcess:
        folder = self._folder / str(number)
        command: list[str | Path] = [self._mongod, "--replSet", REPLICA_SET, "--keyFile", folder / "key"]
        command += ["--dbpath", folder / "data", "--bind_ip", HOST, "--port", str(port), "--nounixsocket"]
        command += ["--wiredTigerCacheSizeGB", "0.5", "--oplogSize", "990"]
        command += ["--quiet", "--slowms", "1000", "--setParameter", "diagnosticDataCollectionEnabled=false"]
        # One of several nodes would go on serving for 15 s after it was told to stop.
        command += ["--setParameter", "shutdownTimeoutMillisForSignaledShutdown=500"]
        return BrokerProcess(
            f"mongod {number}",
            command,
            folder,
            prepare=partial(self._prepare, folder, port),
            ready=partial(_answers, port),
        )

    def _prepare(self, folder: Path, port: int) -> None:
        check_free(port, "MONGO_PORT")
        (folder / "data").mkdir(exist_ok=True)
        # The file must be base64, and readable by its owner alone.
        write_secret(folder / "key", base64.b64encode(self._key.encode()).decode())

    def _form_replica_set(self) -> None:
        """Make the replica set of a new folder; tell that of an older folder its ports of today."""
        members = [{"_id": number, "host": f"{HOST}:{port}"} for number, port in enumerate(self._ports, 1)]
        first = f"{HOST}:{self._ports[0]}/?directConnection=true"
        with _client(f"mongodb://{first}") as anybody:
            try:
                # A node that has no user yet takes this from anybody on its machine.
                anybody.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": members})
            except OperationFailure as error:
                if error.code not in {ALREADY_INITIALIZED, UNAUTHORIZED}:
                    raise
                has_users = error.code == UNAUTHORIZED
            else:
                has_users = False
        if has_users:
            with _client(f"mongodb://{ADMIN}:{self._admin_password}@{first}") as admin:
                config = admin.admin.command("replSetGetConfig")["config"]
                if [member["host"] for member in config["members"]] != [member["host"] for member in members]:
                    config.update(members=members, version=config["version"] + 1)
                    # Nodes that moved don't find themselves in their configuration, so there is no primary to ask.
                    admin.admin.command("replSetReconfig", config, force=True)

    def _ensure_admin(self) -> None:
        hosts = ",".join(f"{HOST}:{port}" for port in self._ports)
        # The first command waits until there is a primary.
        with _client(f"mongodb://{hosts}/?replicaSet={REPLICA_SET}") as anybody:
            try:
                anybody.admin.command("createUser", ADMIN, pwd=self._admin_password, roles=["root"])
            except OperationFailure as error:
                # Once there is a user, nobody may do this unnamed.
                if error.code != UNAUTHORIZED:
                    raise


def _client(uri: str, patience: float = 30.0) -> MongoClient[dict[str, Any]]:
    return MongoClient(uri, serverSelectionTimeoutMS=int(patience * 1000))


def _answers(port: int) -> bool:
    if not is_listening(port):
        return False
    try:
        with _client(f"mongodb://{HOST}:{port}/?directConnection=true", patience=1.0) as client:
            client.admin.command("ping")
    except PyMongoError:
        return False
    return True
