"""A plugin of the tool: not imported before its command is called."""

from typing import Any

import deeds


def late(times: int = 1) -> Any:
    return deeds.late(times)
