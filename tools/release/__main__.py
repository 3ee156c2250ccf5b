"""The steps of a release: `python -m tools.release --help`."""

import sys

from .cli import app
from .refusal import Refusal, Unfinished

REFUSED, UNFINISHED = 1, 3
"""Exit codes; 2 is that of a wrong command line."""


def main() -> int:
    try:
        app()
    except Refusal as why:
        print(f"refused: {why}", file=sys.stderr)
        return REFUSED
    except Unfinished as why:
        print(f"unfinished: {why}", file=sys.stderr)
        return UNFINISHED
    return 0


if __name__ == "__main__":
    sys.exit(main())
