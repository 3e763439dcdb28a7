"""How long a service asks to be left alone, whichever way it says so.

Source: RFC 9110, 10.2.3: ``Retry-After`` is a number of seconds, or an instant. The libraries
compare an instant with this machine's clock, and fail on what they cannot read.
"""

from __future__ import annotations

import math
import re
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from requests.adapters import HTTPAdapter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from requests import PreparedRequest, Response
    from urllib3 import BaseHTTPResponse

HEADER = "Retry-After"
_SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?")


def seconds_asked(headers: Mapping[str, str]) -> float | None:
    """Tell for how many seconds an answer asks to be left alone.

    An instant is the service's own, so it is compared with the answer's date and no clock of ours.

    Args:
        headers: of the answer, whose names are compared without regard to case.

    Returns:
        The seconds; None if it does not ask, or nobody can tell for how long.
    """
    asked = headers.get(HEADER, "").strip()
    if _SECONDS.fullmatch(asked):
        return float(asked)
    try:
        span = parsedate_to_datetime(asked) - parsedate_to_datetime(headers.get("Date", ""))
    except (ValueError, TypeError):  # no date, or one with a time zone and one without
        return None
    return max(span.total_seconds(), 0)


class ClearAdapter(HTTPAdapter):
    """Gives answers that ask for whole seconds, or for nothing."""

    def build_response(self, req: PreparedRequest, resp: BaseHTTPResponse) -> Response:
        """Make the answer out of what came."""
        response = super().build_response(req, resp)
        seconds = seconds_asked(response.headers)
        if seconds is not None:
            response.headers[HEADER] = str(math.ceil(seconds))
        else:
            response.headers.pop(HEADER, None)
        return response
