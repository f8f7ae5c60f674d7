"""The whole system, of which Prometheus scrapes every process; faults are done to it, and taken away again.

Each test that says it `shows` alerts is held to it: it must have seen them silent on what healthy processes expose, and
then fire on what these processes expose in the state they were brought into.
"""

import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import httpx2
import pytest
import pytest_asyncio
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics import MetricWrapperBase
from pydantic import SecretStr
from pymongo.read_concern import ReadConcern

from dev.brokers import Brokers
from dev.brokers.mongo import client_of
from dev.run.supervisor import Running
from dev.run.system import System
from shared.contracts.topics import OWNERS, PROCESSES
from shared.engine.storage.mongo import MongoStore
from shared.mongo.client import connect
from shared.runtime import metrics
from shared.runtime.settings import MongoSettings
from tests.engine.conftest import RawMongo
from tests.support.brokers import as_new
from tests.support.harness import Harness
from tests.support.prometheus import Expositions, Timeline
from tests.support.system import until
from tests.support.toy import OWNER
from tests.support.toy.requests import Find

SCRAPE_TIMEOUT = 10
"""Seconds, as Prometheus has it by default."""
OF_FROZEN = 1
"""Seconds after which a frozen process is known not to answer."""


class Watched:
    """The system as Prometheus and an operator see it."""

    def __init__(self, system: System, databases: Any) -> None:
        self.system = system
        self.databases = databases
        """MongoDB, for its administrator: the database of each process has its name."""
        self._frozen: set[str] = set()

    def __getitem__(self, process: str) -> Running:
        return self.system.supervisor[process]

    def get(self, process: str, path: str) -> httpx2.Response | None:
        """Return what a process answers at `/live`, `/ready` or `/metrics`; None when it does not in time."""
        patience = OF_FROZEN if process in self._frozen else SCRAPE_TIMEOUT
        try:
            return httpx2.get(f"http://127.0.0.1:{self[process].process.port}{path}", timeout=patience)
        except httpx2.HTTPError:
            return None

    def problems(self, process: str) -> list[str]:
        """Return what a process says at `/ready`."""
        answer = self.get(process, "/ready")
        return answer.json()["problems"] if answer is not None else ["no answer"]

    def scraped(self, *processes: str) -> Expositions:
        """Return what these processes, or all, expose now."""
        answers = {process: self.get(process, "/metrics") for process in processes or PROCESSES}
        return {process: answer.text if answer is not None else None for process, answer in answers.items()}

    def value(self, process: str, series: str) -> float | None:
        """Return what a process exposes of a series, such as `name{label="value"}`; None when it does not."""
        answer = self.get(process, "/metrics")
        lines = answer.text.splitlines() if answer is not None else []
        return next((float(line.split()[-1]) for line in lines if line.startswith(f"{series} ")), None)

    def is_well(self) -> bool:
        """Tell whether nothing is wrong, both owners count what is late, and no look-up waits."""
        if self.value("insee_adapter", "structures_insee_oldest_seconds") != 0:
            return False
        late = [
            self.value(process, f'structures_overdue_changes{{owner="{name}"}}') for name, process in OWNERS.items()
        ]
        return late == [0, 0] and not any(self.problems(process) for process in PROCESSES)

    @contextmanager
    def frozen(self, process: str) -> Iterator[None]:
        """Freeze a process."""
        self[process].send(signal.SIGSTOP)
        self._frozen.add(process)
        try:
            yield
        finally:
            self._frozen.remove(process)
            self[process].send(signal.SIGCONT)

    @contextmanager
    def without_access_to_mongodb(self, process: str) -> Iterator[None]:
        """Take a process's access to its database, as a wrong hand does; MongoDB answers all the same."""
        self.databases[process].command("updateUser", process, roles=[])
        try:
            yield
        finally:
            self.system.brokers.service_mongo_uri(process)  # As at the start, its access included.


@pytest.fixture(scope="package")
def whole(tmp_path_factory: pytest.TempPathFactory, both_brokers: Brokers) -> Iterator[Watched]:
    folder: Path = tmp_path_factory.mktemp("system")
    with (
        System(folder, environment={"INSEE_LOOK_UPS": "1000"}, brokers=as_new(both_brokers)) as running,
        client_of(running.brokers.mongo_admin_uri) as databases,
    ):
        yield Watched(running, databases)


@pytest.fixture
def watched(whole: Watched) -> Iterator[Watched]:
    """The system, well before and after."""
    until(whole.is_well, 90, what="all is well")
    yield whole
    until(whole.is_well, 90, what="all is well again")


@pytest.fixture
def timeline(request: pytest.FixtureRequest, watched: Watched) -> Iterator[Timeline]:
    """What Prometheus has seen: twenty minutes of a healthy system, in which nothing fired."""
    of_test = Timeline()
    of_test.scrape(watched.scraped(), minutes=20)
    of_test.is_silent()
    yield of_test
    assert set(request.function.shows) <= of_test.shown, "a test shows what it says"


class Owner:
    """An owner's engine and sweeper in this process, on a real MongoDB and a clock of ours, beside the whole system."""

    def __init__(self, harness: Harness, others: Expositions) -> None:
        self.harness = harness
        self._others = others
        for metric in _shared():
            metric.clear()
            if not metric._labelnames:
                metric._metric_init()  # type: ignore[no-untyped-call]

    def collect(self) -> Iterator[Any]:
        """Give what an owner exposes; other tests of this process may have left more."""
        for metric in _shared():
            yield from metric.collect()

    def scraped(self) -> Expositions:
        """Return what it and every other process expose now."""
        return {**self._others, "box_svc": generate_latest(cast("CollectorRegistry", self)).decode()}


def _shared() -> list[MetricWrapperBase]:
    return [metric for metric in vars(metrics).values() if isinstance(metric, MetricWrapperBase)]


@pytest_asyncio.fixture
async def owner(watched: Watched, timeline: Timeline, both_brokers: Brokers) -> AsyncIterator[Owner]:
    """An owner of which nothing has been seen but that it is well, for twenty minutes."""
    uri = SecretStr(both_brokers.service_mongo_uri("box_svc"))
    database = connect(MongoSettings(uri=uri, database="box_svc"))
    for name in await database.list_collection_names():
        await database.drop_collection(name)
    await MongoStore(database, OWNER).prepare()
    look = MongoStore(database.with_options(read_concern=ReadConcern("local")), OWNER)
    harness = Harness(
        lambda: MongoStore(database, OWNER), look, RawMongo(database), lambda: database["harness"].insert_one({})
    )
    made = Owner(harness, watched.scraped())
    await harness.submit(Find(box="1", thing="lid"), "r0")
    await harness.sweep()
    timeline.scrape(made.scraped(), minutes=20)
    timeline.is_silent()
    yield made
    database.client.close()
