"""Runs the delay: `python -m services.delay_svc`."""

from services.delay_svc.app import running
from services.delay_svc.forward import PROCESS
from services.delay_svc.settings import Settings
from shared.runtime.process import main

if __name__ == "__main__":
    main(PROCESS, Settings, running)
