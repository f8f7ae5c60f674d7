"""Runs the process: `python -m services.structure_svc`."""

from services.structure_svc.app import PROCESS, running
from services.structure_svc.settings import Settings
from shared.runtime.process import main

if __name__ == "__main__":
    main(PROCESS, Settings, running)
