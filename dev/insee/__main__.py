"""Runs the simulator: `python -m dev.insee --port 8090`. `--list` shows the establishments it knows."""

import argparse
from typing import get_args

import uvicorn

from dev.insee.app import PRIVATE, PUBLIC, create_app
from dev.insee.faults import Fault, Kind
from dev.insee.simulator import Simulator
from dev.insee.units import MADE_UP, REAL, SUCCESSIONS, Unit
from dev.insee.window import Window


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m dev.insee", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (127.0.0.1)")
    parser.add_argument("--port", type=int, default=8090, help="on which port (8090)")
    parser.add_argument("--api-key", default="insee-simulator", help="key of the public plan (insee-simulator)")
    parser.add_argument("--limit", type=int, default=30, help="calls per window (30)")
    parser.add_argument("--window-ms", type=int, default=60_000, help="length of a window (60000)")
    parser.add_argument("--fault", choices=get_args(Kind), help="start with this fault")
    parser.add_argument("--list", action="store_true", help="show the establishments and end")
    return parser.parse_args()


def _line(unit: Unit) -> str:
    said = "doublon" if unit.doublon_of else "403" if unit.kept_back else f"{unit.state} {unit.diffusion}"
    return f"{unit.siret}  {said:8}  {unit.category or '':5} {unit.name or ' '.join(unit.person or ())}"


def main() -> None:
    """Run until interrupted."""
    arguments = _arguments()
    if arguments.list:
        for title, units in (("Real, frozen", REAL), ("Made up", MADE_UP), ("With successions, made up", SUCCESSIONS)):
            print(title, *map(_line, units), sep="\n  ")
        return
    faults = [Fault(kind=arguments.fault)] if arguments.fault else []
    simulator = Simulator(api_key=arguments.api_key, window=Window(arguments.limit, arguments.window_ms), faults=faults)
    address = f"http://{arguments.host}:{arguments.port}"
    print(f"INSEE simulator: {address}{PUBLIC} (public plan), {address}{PRIVATE} (private plan)", flush=True)
    uvicorn.run(create_app(simulator), host=arguments.host, port=arguments.port, log_level="warning")


if __name__ == "__main__":
    main()
