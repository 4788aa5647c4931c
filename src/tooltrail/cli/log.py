"""`tooltrail log`: find entries in the logs of all tools."""

from .._fingerprints import candidates
from .._learnt import is_unguessable
from .._typing import TYPE_CHECKING, Any
from .._wire import OWN_TOOL
from ..errors import UsageError
from ..query.options import LISTING, OUTPUTS, TOOL_OPTION
from ..render.deliver import deliver_listing, note_problems
from ..settings import settings_for
from ..trail import data_home
from ..trust.tombstones import Secret
from . import _reading
from ._secret import read_secret

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .._block import RecordedBlock

_SECRET_STDIN = "--secret-stdin"
_NO_FINGERPRINT = (
    "the secret is too easily guessed to have a fingerprint: only where it stands unredacted is it"
    " found"
)


def main(arguments: "Sequence[str]") -> int:
    """List the entries that the options ask for, in the order of the logs."""
    made = _reading.parser("log", "Find entries in the logs of all tools.", [TOOL_OPTION, *LISTING])
    made.add_argument(
        _SECRET_STDIN,
        action="store_true",
        help="read a secret from stdin, and list the calls that ever carried it",
    )
    made.add_argument("--output", choices=OUTPUTS, help="table on a terminal, json elsewhere")
    try:  # before this call is recorded, so that it is not with the secret
        secret = read_secret() if _SECRET_STDIN in arguments else None
    except UsageError as error:
        return _reading.refuse("log", error, arguments)

    def act(call: "RecordedBlock", values: dict[str, Any]) -> int:
        if secret is not None:
            values["carries"] = _carries(secret)
            if not is_unguessable(secret):
                values["doubt"] = _NO_FINGERPRINT
                note_problems(call, [("NO_FINGERPRINT", _NO_FINGERPRINT)])
        return deliver_listing(call, values, values["output"])

    return _reading.run("log", made, arguments, act)


def _carries(text: str) -> "Callable[[bytes], bool]":
    """Return the test whether a line is of a call that carried a secret.

    By the fingerprints that it has under every key there ever was, or where it slipped through.
    """
    home = data_home(configured=settings_for(OWN_TOOL).data_home)
    marks = [mark.encode("ascii") for mark in candidates(f"{home}/{OWN_TOOL}", text)]
    secret = Secret(text)

    def carries(line: bytes) -> bool:
        return any(mark in line for mark in marks) or secret.is_in_line(line)

    return carries
