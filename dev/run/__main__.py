"""`python -m dev.run`: brokers, topics, services, demo data; then until Ctrl-C."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from pydantic import ValidationError

from dev import demo
from dev.brokers import BrokerError, Brokers, LocalBrokers
from dev.brokers.ports import check_free
from dev.issuer.accounts import PASSWORD, PEOPLE
from dev.run import environments
from dev.run.clients import OUTCOMES, PARTNER, PARTNER_CLIENT
from dev.run.folder import held
from dev.run.settings import RunSettings
from dev.run.supervisor import Supervisor
from dev.run.table import table
from shared.runtime.settings import wrong


def provision(settings: RunSettings, brokers: Brokers) -> None:
    """Create topics, users and ACLs, and a partner, with the commands that operators use."""
    environments.keep_secrets(settings, brokers)
    for command in (("topics", "provision"), ("partners", "add", PARTNER, "--client", PARTNER_CLIENT)):
        done = subprocess.run(
            [sys.executable, "-m", "ops", *command],
            env={**os.environ, **environments.administrator(settings, brokers)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise BrokerError(f"`ops {' '.join(command)}` failed:\n{done.stderr[-2000:]}")


_STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _say(text: str) -> None:
    print(text, flush=True)


def main() -> None:
    """Run until interrupted, by Ctrl-C, by `kill` or by the end of the terminal; then stop everything."""
    for number in _STOPS:
        signal.signal(number, signal.default_int_handler)  # Raises KeyboardInterrupt, wherever the run is.
    try:
        settings = RunSettings()
        settings.run_data = Path(settings.run_data).resolve()
        _run(settings)
    except KeyboardInterrupt:
        _say("Stopped")
    except ValidationError as error:
        sys.exit("\n  ".join(["Unusable settings:", *wrong(error)]))
    except (BrokerError, RuntimeError) as error:
        sys.exit(f"\n{error}")


def _run(settings: RunSettings) -> None:
    started = time.monotonic()
    for name, port in settings.all_ports().items():
        check_free(port, name)
    with held(settings.run_data):
        _run_in_folder(settings, started)


def _run_in_folder(settings: RunSettings, started: float) -> None:
    brokers = LocalBrokers.open(settings.run_data / "brokers", settings.broker_ports(), _say)
    _say("Starting Kafka and MongoDB")
    with brokers:
        _say("Making topics, users and ACLs")
        provision(settings, brokers)
        _say("Starting the services")
        processes = table(settings, brokers)
        environments.write(settings, brokers, processes)
        supervisor = Supervisor(processes, settings.run_data / "logs", report=_say)
        try:
            supervisor.start()
            supervisor.watch()
            demo.load(settings.issuer, settings.api, report=_say)
            _say(f"Ready after {time.monotonic() - started:.0f} s.\n")
            _say(_first_steps(settings))
            threading.Event().wait()
        finally:
            for number in _STOPS:
                signal.signal(number, signal.SIG_IGN)  # A second Ctrl-C must leave nothing behind either.
            _say("Stopping")
            supervisor.stop()


def _first_steps(settings: RunSettings) -> str:
    issuer, api = settings.issuer, settings.api
    here = Path.cwd()
    data = settings.run_data.relative_to(here) if settings.run_data.is_relative_to(here) else settings.run_data
    return f"""API        {api}/api/v1   (documentation: {api}/docs)
Issuer     {issuer}
Kafka      127.0.0.1:{settings.kafka_port}   (user {PARTNER}; its password is in {data}/kafka-passwords/{PARTNER})
           it reads on {OUTCOMES} what became of the requests of the client {PARTNER_CLIENT}
Accounts   {", ".join(PEOPLE)}   (password {PASSWORD})
Logs       {data}/logs

A first request, to paste:

TOKEN=$(curl -s {issuer}/token -d grant_type=password -d username=alice -d password={PASSWORD} \\
        | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')
curl -s -X PATCH {api}/api/v1/structures/1 -H "Authorization: Bearer $TOKEN" -H 'Prefer: wait=5' \\
     -H 'Content-Type: application/json' -d '{{"email": "accueil@example.fr"}}'

Ctrl-C stops everything; the data stay."""


if __name__ == "__main__":
    main()
