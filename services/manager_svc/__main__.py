"""Runs the process: `python -m services.manager_svc`."""

from services.manager_svc.app import PROCESS, running
from services.manager_svc.settings import Settings
from shared.runtime.process import main

if __name__ == "__main__":
    main(PROCESS, Settings, running)
