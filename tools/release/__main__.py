"""`python -m tools.release play`: a whole release on this machine, told step by step."""

import sys

from .play import play
from .refusal import Refusal, Unfinished


def main() -> int:
    if sys.argv[1:] != ["play"]:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        play()
    except (Refusal, Unfinished) as why:
        print(f"release: {why}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
