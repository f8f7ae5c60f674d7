"""Kafka as processes of this machine, with their data in a folder, from which they can be started again."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

from dev.brokers.errors import BrokerError
from dev.brokers.jars import jars_folder
from dev.brokers.kafka import Kafka, Layout, admin_credential, new_cluster_id, server_properties
from dev.brokers.ports import check_free
from dev.brokers.process import BrokerProcess
from dev.brokers.secret_files import write_secret


def local_kafka(folder: Path, java: Path, layout: Layout) -> Kafka:
    """A cluster with its data in `folder`; the first start sets the administrator's password."""
    return Kafka(layout, _Nodes(folder.resolve(), java, layout).make)


class _Nodes:
    """Makes the processes."""

    def __init__(self, folder: Path, java: Path, layout: Layout) -> None:
        self._folder = folder
        self._java = java
        self._layout = layout

    def make(self, number: int, ready: Callable[[], bool]) -> BrokerProcess:
        """The process of one node."""
        folder = self._folder / str(number)
        return BrokerProcess(
            f"Kafka {number}",
            [*self._java_command(), "kafka.Kafka", _properties_file(folder)],
            folder,
            prepare=partial(self._prepare, number, folder),
            ready=ready,
        )

    def _java_command(self) -> list[str | Path]:
        logger = "-Dorg.slf4j.simpleLogger"
        return [
            self._java,
            "-Xms256m",
            "-Xmx512m",
            "-XX:+ExitOnOutOfMemoryError",
            f"{logger}.defaultLogLevel=warn",
            f"{logger}.showDateTime=true",
            f"{logger}.dateTimeFormat=yyyy-MM-dd HH:mm:ss.SSS",
            "-cp",
            f"{jars_folder()}/*",
        ]

    def _prepare(self, number: int, folder: Path) -> None:
        check_free(self._layout.client_ports[number - 1], "KAFKA_PORT")
        check_free(self._layout.controller_ports[number - 1], "KAFKA_CONTROLLER_PORT")
        write_secret(_properties_file(folder), server_properties(self._layout, number, data=str(_data(folder))))
        if not (_data(folder) / "meta.properties").exists():
            self._format(folder)

    def _format(self, folder: Path) -> None:
        """Format the node's storage, with the administrator in it."""
        # An interrupted format leaves files without meta.properties, which is written last.
        shutil.rmtree(_data(folder), ignore_errors=True)
        # Java reads its arguments from a file, so that the password is never visible in a list of processes.
        arguments = folder / "format.args"
        words = ["kafka.tools.StorageTool", "format", "--config", str(_properties_file(folder))]
        words += ["--cluster-id", self._cluster_id(), "--add-scram", admin_credential(self._layout.admin_password)]
        write_secret(arguments, "\n".join(f'"{word}"' for word in words))
        done = subprocess.run([*self._java_command(), f"@{arguments}"], capture_output=True, text=True, check=False)
        arguments.unlink()
        # Its standard output shows the stored password, so it is discarded.
        if done.returncode:
            raise BrokerError(f"Kafka's storage could not be made:\n{done.stderr}")

    def _cluster_id(self) -> str:
        """The cluster id of the folder."""
        path = self._folder / "cluster-id"
        if not path.exists():
            path.write_text(new_cluster_id(), encoding="ascii")
        return path.read_text(encoding="ascii")


def _properties_file(folder: Path) -> Path:
    return folder / "server.properties"


def _data(folder: Path) -> Path:
    return folder / "data"
