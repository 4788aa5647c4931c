"""`tooltrail erase REQUEST_ID...`: take a secret that slipped through out of the logs."""

import os

from .. import __version__
from .._block import RecordedBlock, invocation
from .._host import say, user_name
from .._stdout import is_terminal
from .._typing import TYPE_CHECKING, Any
from .._wire import FAILURE, LOG_NAME, OWN_TOOL
from ..entry import Ending, error_fields
from ..envelope import document, response
from ..errors import NotFoundError, NotRecordedError, TooltrailError, UsageError
from ..query.options import JSON, TABLE
from ..render.deliver import default_output, fail, undelivered, write
from ..settings import settings_for
from ..trail import data_home, log_path
from ..trail.read import logs_in
from ..trust.erase import Found, Order, erase, find, places_of
from ..trust.rewrite import NotFinishedError
from ..trust.tombstones import Secret
from . import _reading
from ._secret import read_secret

if TYPE_CHECKING:
    from collections.abc import Sequence

_ON_DISK = (
    "what was erased may still be in blocks of the disk that the old files held, in snapshots of"
    " the file system, and in backups"
)


class StillThereError(TooltrailError):
    """Not all that was to be erased is gone."""

    code = "NOT_ERASED"


def main(arguments: "Sequence[str]") -> int:
    """Replace every line of some calls by a tombstone, which keeps their place in the chain."""
    made = _reading.parser(
        "erase",
        "Take calls out of the logs: what was called, with which params and what came of it. That"
        " there was a call, and when, stays; so does the chain. It is recorded who erased, and"
        " why.",
        [],
    )
    made.add_argument("ids", metavar="REQUEST_ID", nargs="*", help="the calls")
    made.add_argument("--reason", metavar="TEXT", required=True, help="why; it goes into the log")
    made.add_argument("--tool", metavar="NAME", help="look in the log of this tool alone")
    made.add_argument(
        "--secret-stdin",
        action="store_true",
        help="read a secret from stdin, one line, and erase every call that holds it",
    )
    made.add_argument("--dry-run", action="store_true", help="only say what would be erased")
    made.add_argument("--output", choices=(JSON, TABLE), help="table on a terminal, json elsewhere")
    try:
        values = vars(made.parse_args(list(arguments)))
        secret = _secret(values)
    except UsageError as error:
        return _reading.refuse("erase", error, arguments)
    output = values.pop("output") or default_output()
    given = {name: value for name, value in values.items() if value not in (None, False, [])}
    with invocation(OWN_TOOL, "erase", given, version=__version__) as call:
        call.exit_code = _act(call, values, secret, output)
    return call.exit_code


def _secret(values: dict[str, Any]) -> Secret | None:
    """Return the secret that stdin holds, where it does; what says it otherwise is forgotten."""
    if not values["secret_stdin"]:
        if not values["ids"]:
            raise UsageError("nothing to erase", hint="give request ids, or --secret-stdin")
        return None
    return Secret(read_secret())


def _act(call: RecordedBlock, values: dict[str, Any], secret: Secret | None, output: str) -> int:
    try:
        by = call.context.operator or user_name(os.geteuid())
        reason = call.redactor.text(values["reason"].strip(), "params.reason")
        if not reason:
            raise UsageError("--reason says nothing", hint="it is what remains of the call")
        order = Order(set(values["ids"]), by, reason, secret)
        paths = _paths(values["tool"])
        found = _find(paths, order)
        data = _done(found, order, paths, dry_run=values["dry_run"])
        return _deliver(call, data, output)
    except TooltrailError as error:
        return fail(call, error, output)


def _paths(tool: str | None) -> list[str]:
    home = data_home(configured=settings_for(OWN_TOOL).data_home)
    if tool is None:
        return logs_in(home, LOG_NAME)
    path = log_path(tool, home)
    if path not in logs_in(home, LOG_NAME):
        raise NotFoundError(f"{path}: there is no such log")
    return [path]


def _find(paths: list[str], order: Order) -> list[Found]:
    asked = set(order.ids)
    found = []
    for path in paths:
        try:
            found.append(find(path, order))
        except OSError as error:
            raise _not_erased(path, error, "nothing was erased") from error
    unknown = asked - {name for log in found for name in log.ids}
    if unknown:
        raise NotFoundError(
            f"no call {', '.join(sorted(unknown))} is in the {len(paths)} logs that were read;"
            " nothing was erased"
        )
    return found


def _done(found: list[Found], order: Order, paths: list[str], *, dry_run: bool) -> dict[str, Any]:
    data: dict[str, Any] = {"dry_run": dry_run, "calls": [], "bodies": 0, "left": None}
    data["note"] = _ON_DISK
    for log in found:
        if not dry_run and (log.calls or log.with_secret):
            try:
                data["bodies"] += erase(log, order)
            except NotFinishedError as error:
                kept = "the log says that it was erased, and it is still there: erase again"
                raise _not_erased(log.path, error, kept) from error
            except (OSError, TooltrailError) as error:
                earlier = f"{len(data['calls'])} calls of other logs were erased before"
                raise _not_erased(log.path, error, f"it is as it was; {earlier}") from error
        data["calls"] += log.calls.values()
    if order.secret is not None and not dry_run:
        try:
            data["left"] = [place for path in paths for place in places_of(order.secret, path)]
        except OSError as error:
            raise _not_erased("looking for what is left", error, "it may be there") from error
    return data


def _not_erased(path: str, error: Exception, state: str) -> StillThereError:
    reason = str(error)
    if isinstance(error, NotRecordedError):
        reason = error.reason
    elif isinstance(error, OSError) and error.strerror:
        reason = error.strerror.lower()
        path = str(error.filename or path)
    return StillThereError(f"{path}: {reason}; {state}")


def _deliver(call: RecordedBlock, data: dict[str, Any], output: str) -> int:
    failed = bool(data["left"])
    error = error_fields(StillThereError.code, _left_words(data), hint=_HINT) if failed else None
    for running in (found for found in data["calls"] if found["open"]):
        message = f"{running['request_id']} has no end yet: erase it again when it has"
        call.warnings.append({"code": "STILL_RUNNING", "message": message})
    call.finish(Ending(1, FAILURE, error=error) if failed else Ending(0))
    try:
        if output == JSON:
            answer = response(
                exit_code=int(failed),
                data=data,
                error=error,
                warnings=call.warnings,
                meta=call.meta(),
            )
            write([document(answer, indented=is_terminal())], False)
        else:
            write([line + "\n" for line in _words(data)], True)
    except OSError as failure:
        return undelivered(call, failure)
    for warning in call.warnings:
        say(f"tooltrail: {warning['message']}\n")
    if error is not None and output != JSON:
        say(f"error: {error['message']}\nhint: {_HINT}\n")
    return int(failed)


_HINT = "damaged lines and lines that belong to no call are not replaced: see docs/trust.md"


def _left_words(data: dict[str, Any]) -> str:
    places = data["left"]
    more = f" and {len(places) - 5} more" if len(places) > 5 else ""
    return f"the secret is still there: {', '.join(places[:5])}{more}"


def _words(data: dict[str, Any]) -> "Sequence[str]":
    done = "would be erased" if data["dry_run"] else "erased"
    lines = [
        f"{call['request_id']}  {call['lines']} lines {done} in {call['log']}"
        for call in data["calls"]
    ]
    lines = lines or ["nothing to erase"]
    if data["dry_run"]:
        return lines
    if data["bodies"]:
        lines.append(f"bodies deleted: {data['bodies']}")
    if data["left"] == []:
        lines.append("the secret is nowhere left in the logs that were searched")
    return [*lines, f"note: {_ON_DISK}"]
