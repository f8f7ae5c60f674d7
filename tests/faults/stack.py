"""What a case does with the running system: it loads it, injects faults, lets it recover, and keeps its history."""

import asyncio
import random
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

from dev.run.__main__ import provision
from dev.run.supervisor import Running
from dev.run.system import System
from shared.clock import SystemClock, duration
from tests.faults import collect, load, stores
from tests.faults.clients import ACTOR, Clients, Partition
from tests.faults.history import Event, History
from tests.faults.plan import MEMBERS, plan

QUIET_WITHIN = 120.0
"""Seconds in which everything must be done once all faults are over."""
_READY_WITHIN = 120.0
_CLOCK = SystemClock()


@dataclass(frozen=True, slots=True)
class Size:
    """How big a run is: structures, requests a second, seconds of load, and how often a case injects its faults."""

    structures: int = 6
    rate: float = 30.0
    seconds: float = 8.0
    rounds: int = 1


class Stack:
    """One run of one case on a system. All that is drawn comes from the seed."""

    def __init__(self, system: System, history: History, seed: int, size: Size, report: Callable[[str], None]) -> None:
        self.system, self.history, self.size, self.report = system, history, size, report
        self.dice = random.Random(seed)
        self.run = f"f{_CLOCK.now():x}"
        """What the ids and values of this run begin with: they are never those of another run."""
        self.structures: list[int] = []
        self._brokers = system.brokers
        self._since: collect.Places = {}
        self._replicas: list[str] = []
        self._left_out: tuple[str, frozenset[str]] = ("\0", frozenset())

    @property
    def delay(self) -> float:
        """Return the delay in use, in seconds."""
        return duration(self.system.settings.effective_delay) / 1000

    @property
    def admin(self) -> dict[str, Any]:
        """Return librdkafka's settings of Kafka's administrator."""
        return dict(self._brokers.kafka.admin_settings())

    # ---- before and after -------------------------------------------------------------------------------------

    async def begin(self, case: str, seed: int) -> None:
        """Note how everything stands, and make the structures of this run."""
        self._since = await asyncio.to_thread(collect.ends, self.admin)
        with stores.connect(self._brokers.mongo_admin_uri) as client:
            versions = await asyncio.to_thread(stores.versions, client)
        self.history.record(Event("begun", _CLOCK.now(), more={"case": case, "seed": seed, "versions": versions}))
        self.structures = await asyncio.to_thread(self._make_structures)

    def new_structure(self, who: str) -> int:
        """Make one more structure, of somebody else."""
        with self.system.as_(who) as api:
            _until(lambda: "version" in api.get("/me").json(), f"{who} known")
            identifier = {"type": "AUTRE", "value": f"{self.run}-{who}"}
            body = {"identifier": identifier, "name": f"{self.run} {who}", "address": {"city": "Lyon"}}
            outcome = api.post("/structures", json=body).raise_for_status().json()
            id_ = int(outcome["reference"]["structure"]["id"])
            _until(lambda: _team_is_there(api, id_), f"the team of structure {id_}")
        return id_

    def leave_out(self, actor: str, structure: int) -> None:
        """Leave an attacker and their structure out of the history: a case does to its document what it likes."""
        self._left_out = (f"{actor}|", frozenset({f"structure:{structure}", f"manager/structure:{structure}"}))

    def _is_followed(self, event: Event) -> bool:
        actor, documents = self._left_out
        return not (event.request.startswith(actor) or event.document in documents)

    def _make_structures(self) -> list[int]:
        for user in MEMBERS:
            with self.system.as_(user) as api:
                _until(lambda api=api: "version" in api.get("/me").json(), f"{user} known")  # type: ignore[misc]
        ids: list[int] = []
        with self.system.as_(ACTOR) as api:
            for number in range(self.size.structures):
                identifier = {"type": "AUTRE", "value": f"{self.run}-{number}"}
                body = {"identifier": identifier, "name": f"{self.run} {number}", "address": {"city": "Lyon"}}
                outcome = api.post("/structures", json=body).raise_for_status().json()
                ids.append(outcome["reference"]["structure"]["id"])
            for id_ in ids:
                _until(lambda id_=id_: _team_is_there(api, id_), f"the team of structure {id_}")  # type: ignore[misc]
        return ids

    async def wait_until_quiet(self) -> list[str]:
        """Wait until nothing is under way any more; return what still is when the time is up."""
        taken = {event.request for event in self.history.events if event.what == "acknowledged"}
        began, end = _CLOCK.now(), time.monotonic() + QUIET_WITHIN
        with stores.connect(self._brokers.mongo_admin_uri) as client:
            while True:
                now = _CLOCK.now()
                # First what is unread: what is read between the two looks is in the databases at the second.
                left = await asyncio.to_thread(self._unread)
                left += (await asyncio.to_thread(stores.under_way, client, now)) if not left else []
                if not left or time.monotonic() > end:
                    break
                await asyncio.sleep(0.25)
            left += await asyncio.to_thread(stores.undecided, client, taken) if left else []
            self.report(f"  quiet {(_CLOCK.now() - began) / 1000:.1f} s after the last of it{': no' if left else ''}")
            self.history.record(Event("ended", now, more={"left": left} if left else {}))
        return left

    def _unread(self) -> list[str]:
        return [f"{group} has something to read" for group in collect.lagging(self.admin)]

    async def read(self, topic: str) -> None:
        """Put what a topic holds into the history, since it is to be deleted: what it holds later is another's."""
        events = await asyncio.to_thread(lambda: list(collect.collected(self.admin, self._since, only=topic)))
        self.history.record(*events)
        self._since = {place: offset for place, offset in self._since.items() if place[0] != topic}

    async def collect(self) -> None:
        """Put what topics and databases hold into the history."""
        events = await asyncio.to_thread(
            lambda: list(filter(self._is_followed, collect.collected(self.admin, self._since)))
        )
        self.history.record(*events)
        documents = {e.document for e in events if e.document and e.what in {"outcome", "journal"}}
        requests = {e.request for e in self.history.events if e.request}
        with stores.connect(self._brokers.mongo_admin_uri) as client:
            held = await asyncio.to_thread(lambda: list(stores.held(client, documents, requests, _CLOCK.now())))
        self.history.record(*held)

    # ---- load -------------------------------------------------------------------------------------------------

    def clients(self, partition: Partition | None = None) -> Clients:
        """Return the clients that send requests about these structures."""
        more = {"partition": partition} if partition else {}
        return Clients(self.system, self.history, self.structures, **more)

    @asynccontextmanager
    async def under_load(
        self, *, rate: float | None = None, seconds: float | None = None, partition: Partition | None = None
    ) -> AsyncIterator[None]:
        """Load the system while the context is open, for some seconds at least, and wait until all was taken."""
        run = f"{self.run}.{len(self.history.events)}"
        requests = plan(random.Random(self.dice.random()), len(self.structures), run=run)
        rate, least, enough = rate or self.size.rate, seconds or self.size.seconds, asyncio.Event()
        async with self.clients(partition) as clients:
            sending = asyncio.create_task(load.send(clients, requests, rate, least, enough))
            try:
                await asyncio.sleep(0.5)
                yield
                enough.set()
                await sending
            finally:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)

    async def pause(self, least: float, most: float) -> None:
        """Let some time pass, drawn between two bounds (s)."""
        await asyncio.sleep(self.dice.uniform(least, most))

    # ---- faults -----------------------------------------------------------------------------------------------

    def fault(self, code: str, who: str) -> None:
        """Record that something is done to somebody now."""
        self.report(f"  {code} {who}")
        self.history.record(Event("fault", _CLOCK.now(), who, code=code))

    def process(self, name: str) -> Running:
        """Return a process of the system."""
        return self.system.supervisor[name]

    async def kill(self, name: str) -> None:
        """`kill -9` a process; whoever watches it starts it again."""
        self.fault("kill", name)
        self.process(name).send(signal.SIGKILL)

    async def freeze(self, name: str, seconds: float) -> None:
        """Stop a process with SIGSTOP and let it go on after a while."""
        process = self.process(name)
        self.fault("freeze", name)
        process.send(signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            self.fault("thaw", name)
            process.send(signal.SIGCONT)

    async def restart(self, name: str, **environment: str) -> None:
        """Stop a process as operators do, and start it again, with this environment besides."""
        process = self.process(name)
        self.fault("restart", name)
        await asyncio.to_thread(self._stop, process)
        process.besides = dict(environment)
        process.start()
        await self.ready(name)

    @staticmethod
    def _stop(process: Running) -> None:
        process.stop()
        process.join(30)

    async def join(self, of: str, **environment: str) -> str:
        """Start one more replica of a process and return its name; `ready` waits for it."""
        running = self.system.replica(of, **environment)
        self._replicas.append(running.name)
        self.fault("join", running.name)
        return running.name

    async def leave(self, name: str) -> None:
        """Stop a replica as operators do."""
        self.fault("leave", name)
        await asyncio.to_thread(self.system.supervisor.remove, name)
        self._replicas.remove(name)

    async def ready(self, *names: str) -> None:
        """Wait until these processes are ready."""
        await asyncio.to_thread(self.system.supervisor.wait_ready, names, _READY_WITHIN)

    async def provision(self, delay: str) -> None:
        """Make the topic of another delay, which restarted owners are to use."""
        self.system.settings.effective_delay = delay
        await asyncio.to_thread(provision, self.system.settings, self._brokers)

    async def heal(self) -> None:
        """Bring back everything that a case may have left down, slow or besides."""
        await asyncio.to_thread(self._brokers.kafka.start)
        for node in self._brokers.mongo.nodes:
            await asyncio.to_thread(node.start)
        for name in list(self._replicas):
            await self.leave(name)
        for process in self.system.supervisor.processes.values():
            process.send(signal.SIGCONT)
        changed = [name for name, process in self.system.supervisor.processes.items() if process.besides]
        await asyncio.gather(*(self.restart(name) for name in changed))
        await self.ready(*self.system.supervisor.processes)


def _team_is_there(api: httpx2.Client, id_: int) -> bool:
    return api.get(f"/structures/{id_}").status_code == 200 == api.get(f"/structures/{id_}/members").status_code


def _until(holds: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.05)
