"""`sens version`."""

from dataclasses import asdict

from sens.cli.output import print_json, print_line
from sens.runtime.version import build


def run(*, as_json: bool) -> int:
    if as_json:
        print_json(asdict(build()))
    else:
        print_line(f"sens {build()}")
    return 0
