"""`python -m sens` is `sens`."""

import sys

from sens.cli import main

sys.exit(main())
