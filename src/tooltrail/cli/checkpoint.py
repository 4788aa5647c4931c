"""`tooltrail checkpoint [TOOL|PATH]`: sign the head of a log, to be kept elsewhere."""

import os

from .._host import randomness
from .._typing import TYPE_CHECKING, Any
from .._wire import LOG_NAME, OWN_TOOL
from ..entry import Ending
from ..errors import NotFoundError, TooltrailError, UsageError
from ..render.deliver import fail, undelivered, write
from ..settings import settings_for
from ..trail import data_home, log_path
from ..trail.read import logs_in
from ..trail.segments import sealed_segments
from ..trust.checkpoint import HOLDS, checkpoint_of, hold_to, open_checkpoint
from ..trust.notes import read_signer, write_new_key
from . import _reading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._block import RecordedBlock

_TEXT = "text"


def main(arguments: "Sequence[str]") -> int:
    """Sign the head of a log with Ed25519, as a C2SP checkpoint; or make the key for it."""
    made = _reading.parser(
        "checkpoint",
        "Sign the head of a log, to be kept where the log cannot be changed from. With it,"
        " `tooltrail verify --checkpoint` later tells a log that was cut or written anew.",
        [],
    )
    made.add_argument(
        "log",
        metavar="TOOL|PATH",
        nargs="?",
        help="the log; may be left out where there is only one",
    )
    made.add_argument("--key", metavar="FILE", required=True, help="the private key")
    made.add_argument(
        "--output",
        metavar="FILE",
        dest="file",
        help="write it there; a checkpoint"
        " that is there already is replaced only if the log still holds to it",
    )
    made.add_argument(
        "--new-key",
        dest="name",
        metavar="NAME",
        nargs="?",
        const=os.uname().nodename,
        help="make a key of this name (the host's, if none is given) in FILE and FILE.pub instead",
    )
    made.set_defaults(output=_TEXT)
    return _reading.run("checkpoint", made, arguments, _act)


def _act(call: "RecordedBlock", values: dict[str, Any]) -> int:
    try:
        answer = _make_key(values) if values["name"] is not None else _sign(values)
    except TooltrailError as error:
        return fail(call, error, _TEXT)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        where = f"{error.filename}: " if error.filename else ""
        return fail(call, TooltrailError(f"{where}{reason}"), _TEXT)
    try:
        write([answer], False)
    except OSError as error:
        return undelivered(call, error)
    call.finish(Ending(0))
    return 0


def _make_key(values: dict[str, Any]) -> str:
    if values["log"] or values["file"]:
        raise UsageError("--new-key takes neither a log nor --output")
    return f"{write_new_key(values['name'], values['key'])}\n"


def _sign(values: dict[str, Any]) -> str:
    signer = read_signer(values["key"])
    path = find_log(values["log"])
    file = values["file"]
    if file is not None and os.path.exists(file):
        with open(file, "rb") as former:
            earlier = open_checkpoint(former.read(), [signer.verifier])
        held = hold_to(earlier, path)
        if held.state != HOLDS:
            raise TooltrailError(
                f"{file}: not replaced, because the log does not hold to the checkpoint that is"
                f" there: {held.message}",
                hint="keep that file: it is evidence; write the new one under another name",
            )
    checkpoint = checkpoint_of(path)
    note = signer.sign(checkpoint.text)
    if file is None:
        return note
    _replace(file, note)
    return f"{file}: {checkpoint.size} lines of {checkpoint.origin}\n"


def find_log(named: str | None) -> str:
    """Return the path of the log that a tool's name, a path or nothing stands for."""
    home = data_home(configured=settings_for(OWN_TOOL).data_home)
    if named is None:
        paths = logs_in(home, LOG_NAME)
        if len(paths) == 1:
            return paths[0]
        tools = ", ".join(os.path.basename(os.path.dirname(path)) for path in paths)
        raise UsageError("which log?", hint=f"there are those of: {tools}" if tools else None)
    path = named if "/" in named else log_path(named, home)
    if os.path.isdir(path):
        path = os.path.join(path, LOG_NAME)
    if not os.path.exists(path) and not sealed_segments(path):
        raise NotFoundError(f"{path}: there is no such log")
    return os.path.abspath(path)


def _replace(path: str, text: str) -> None:
    """Write a file whole or not at all."""
    unfinished = f"{path}.{randomness(4).hex()}"
    try:
        with open(unfinished, "x", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except OSError:
        if os.path.exists(unfinished):
            os.unlink(unfinished)
        raise
