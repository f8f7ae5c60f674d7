"""MongoDB as processes of this machine, with their data in a folder, from which they can be started again."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from pymongo.errors import OperationFailure

from dev.brokers.mongo import ADMIN, REPLICA_SET, Mongo, client_of, mongod_options
from dev.brokers.ports import HOST, check_free
from dev.brokers.process import BrokerProcess
from dev.brokers.secret_files import write_secret

# Codes of MongoDB's errors.
UNAUTHORIZED = 13
ALREADY_INITIALIZED = 23


def local_mongo(folder: Path, mongod: Path, *, admin_password: str, key: str, ports: Sequence[int]) -> Mongo:
    """A replica set with its data in `folder`.

    The first start sets `admin_password` and `key`, by which the nodes authenticate each other.
    """
    nodes = _Nodes(folder.resolve(), mongod, key)
    return Mongo(ports, admin_password, nodes.make, _form)


class _Nodes:
    """Makes the processes."""

    def __init__(self, folder: Path, mongod: Path, key: str) -> None:
        self._folder = folder
        self._mongod = mongod
        self._key = key

    def make(self, number: int, port: int, ready: Callable[[], bool]) -> BrokerProcess:
        """The process of one node."""
        folder = self._folder / str(number)
        command: list[str | Path] = [self._mongod, *mongod_options(port), "--keyFile", folder / "key"]
        command += ["--dbpath", folder / "data", "--bind_ip", HOST, "--nounixsocket"]
        prepare = partial(self._prepare, folder, port)
        return BrokerProcess(f"mongod {number}", command, folder, prepare=prepare, ready=ready)

    def _prepare(self, folder: Path, port: int) -> None:
        check_free(port, "MONGO_PORT")
        (folder / "data").mkdir(exist_ok=True)
        # The file must be base64, and readable by its owner alone.
        write_secret(folder / "key", base64.b64encode(self._key.encode()).decode())


def _form(mongo: Mongo) -> None:
    _form_replica_set(mongo)
    _ensure_admin(mongo)


def _form_replica_set(mongo: Mongo) -> None:
    """Initiate the replica set of a new folder, or reconfigure that of an older one for its present ports."""
    wanted = mongo.members()
    first = f"{HOST}:{mongo.ports[0]}/?directConnection=true"
    with client_of(f"mongodb://{first}") as anybody:
        try:
            # A node without users accepts this from any client on its machine.
            anybody.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": wanted})
        except OperationFailure as error:
            if error.code not in {ALREADY_INITIALIZED, UNAUTHORIZED}:
                raise
            has_users = error.code == UNAUTHORIZED
        else:
            has_users = False
    if has_users:
        with client_of(f"mongodb://{ADMIN}:{mongo.admin_password}@{first}") as admin:
            config = admin.admin.command("replSetGetConfig")["config"]
            if [member["host"] for member in config["members"]] != [member["host"] for member in wanted]:
                config.update(members=wanted, version=config["version"] + 1)
                # Nodes whose ports changed don't find themselves in their configuration, so there is no primary to ask.
                admin.admin.command("replSetReconfig", config, force=True)


def _ensure_admin(mongo: Mongo) -> None:
    hosts = ",".join(f"{HOST}:{port}" for port in mongo.ports)
    # The first command waits until there is a primary.
    with client_of(f"mongodb://{hosts}/?replicaSet={REPLICA_SET}") as anybody:
        try:
            anybody.admin.command("createUser", ADMIN, pwd=mongo.admin_password, roles=["root"])
        except OperationFailure as error:
            # Once there is a user, this needs authentication.
            if error.code != UNAUTHORIZED:
                raise
