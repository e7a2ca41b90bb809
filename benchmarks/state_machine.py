"""Plays programs of the state machine: `python -m benchmarks.state_machine --programs 2000 --steps 50`."""

import argparse
import sys
import time

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from mlc_pipelines_tests.databases import KINDS
from mlc_pipelines_tests.machine.machine import RoadMachine


def main() -> int:
    """Play, and print the figures; a program that fails is made as short as possible and shown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=int, default=200)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--database", choices=KINDS, default="sqlite")
    parser.add_argument("--quick", action="store_true", help="30 programs")
    given = parser.parse_args()
    RoadMachine.database = given.database
    wanted = settings(
        max_examples=30 if given.quick else given.programs,
        stateful_step_count=given.steps,
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    began = time.process_time()
    try:
        run_state_machine_as_test(RoadMachine, settings=wanted)
    finally:
        seconds = time.process_time() - began
        figures = ", ".join(f"{number} {what}" for what, number in RoadMachine.played.items())
        print(f"{given.database}: {figures}; {seconds:.0f} s of one core")
    print("0 violations")
    return 0


if __name__ == "__main__":
    sys.exit(main())
