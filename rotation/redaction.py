"""Keep the log messages of the libraries that handle tokens from quoting one.

azure-identity and msal may print an answer that they cannot parse, tokens included. Nothing of what
a library says is needed to understand the rotator, whose own errors name status and reason; so what
these libraries log is reduced, at its source, to who said it and how serious it is.
"""

from __future__ import annotations

import logging
from typing import Any

LIBRARIES = ("azure", "msal", "urllib3", "requests")


def install() -> None:
    """Make every log record of these libraries, from now on and in this process, a harmless one.

    A record is emptied when it is made, so no handler, level or propagation gets round it.
    """
    made_before = logging.getLogRecordFactory()
    if getattr(made_before, "withholds", False):
        return

    def make(*args: Any, **kwargs: Any) -> logging.LogRecord:  # noqa: ANN401 - logging's own
        record = made_before(*args, **kwargs)
        if record.name.split(".")[0] in LIBRARIES:
            record.msg = f"(a message of {record.name} is withheld: it may quote a token)"
            record.args = None
            record.exc_info = None
            record.exc_text = None
            record.stack_info = None
        return record

    make.withholds = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(make)
    for library in LIBRARIES:
        # Without a handler of its own, Python's last resort would print to stderr.
        logger = logging.getLogger(library)
        logger.addHandler(logging.NullHandler())
        logger.setLevel(logging.WARNING)
