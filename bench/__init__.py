"""Speed and memory on real servers: `make bench`, and `make bench-large` for queries among 100M readings.

The servers are those of the tests (`tests/servers.py`): one place that knows how to start, watch and
kill PostgreSQL, NATS and mosquitto, so that what is measured is what is tested. `tests` is no package,
so its folder is put on the import path here, once, for all modules below.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
