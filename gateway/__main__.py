"""Runs the process: `python -m gateway`."""

from gateway.app import PROCESS, running
from gateway.settings import Settings
from shared.runtime.process import main

if __name__ == "__main__":
    main(PROCESS, Settings, running)
