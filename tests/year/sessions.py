"""Live through a year of sessions and print what it came to: ``python -m tests.year.sessions``.

It takes a number of people, of days, and a seed.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

from tests.year.session_year import SessionYear

USUAL = ("10", "365", "1")

if __name__ == "__main__":
    people, days, seed = map(int, sys.argv[1:] or USUAL)
    figures = SessionYear(people, days, seed).live()
    sys.stderr.write(f"{figures}\n")
    sys.stdout.write(json.dumps(asdict(figures)))
