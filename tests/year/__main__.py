"""Live through a year and print what it came to: ``python -m tests.year 200 365 1``."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

from tests.year.year import Year

if __name__ == "__main__":
    secrets, days, seed = map(int, sys.argv[1:])
    figures = Year(secrets, days, seed).live()
    sys.stderr.write(f"{figures}\n")
    sys.stdout.write(json.dumps(asdict(figures), default=str))
