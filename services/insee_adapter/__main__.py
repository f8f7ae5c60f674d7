"""Runs the process: `python -m services.insee_adapter`."""

from services.insee_adapter.app import running
from services.insee_adapter.entrypoint import PROCESS
from services.insee_adapter.settings import Settings
from shared.runtime.process import main

if __name__ == "__main__":
    main(PROCESS, Settings, running)
