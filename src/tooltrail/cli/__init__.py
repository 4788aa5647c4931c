"""The `tooltrail` command. Only the module of the verb that runs is imported."""

import _signal  # type: ignore[import-not-found]
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

VERBS = {  # each is a module of this package
    "run": "record a command that knows nothing of tooltrail",
    "instrument": "have every CLI of an environment record itself",
    "shim": "record calls by name, whatever program makes them",
    "hook": "record what a coding agent or a shell runs",
    "import": "add what ran before tooltrail was there",
    "log": "find entries in all logs",
    "trace": "show one trace, or a session of them, as a tree",
    "diff": "show what changed between two runs",
    "stats": "count calls and failures, and how long they took",
    "export": "write entries as rows: Parquet, CSV, JSON lines",
    "verify": "tell whether logs were changed, cut or lost",
    "checkpoint": "sign the head of a log, to be kept elsewhere",
    "erase": "take a secret out of what was recorded",
    "reconcile": "hold callers', tools' and servers' records against each other",
    "check": "say how observable a command is, 0 to 3, and why",
    "config": "show what is configured, and where that comes from",
    "mcp": "let an agent ask the logs, over the Model Context Protocol",
}
_READING = ("log", "trace", "diff", "stats")  # they leave nothing to be done when they end
_MODULES = {"import": "importing"}  # a verb that is no name in Python
USAGE = """\
usage: tooltrail VERB [OPTIONS]

The flight recorder for command-line tools that AI agents drive.

record:
  run -- CMD ARG...   {run}
  instrument          {instrument}
  shim                {shim}
  hook                {hook}
  import FORMAT PATH  {import}

read:
  log                 {log}
  trace ID            {trace}
  diff A B            {diff}
  stats               {stats}
  export              {export}

trust:
  verify [LOG]...     {verify}
  checkpoint [LOG]    {checkpoint}
  erase ID...         {erase}
  reconcile           {reconcile}
  check -- CMD ARG... {check}

serve:
  config              {config}
  mcp                 {mcp}

`tooltrail VERB --help` tells the options of a verb; --version the version.
"""


def main() -> int:
    """Run the verb that the command line names; return the exit code."""
    arguments = sys.argv[1:]
    verb = arguments[0] if arguments else ""
    if verb == "run":
        from .run import main as run

        _end_now(run(arguments[1:]))
    try:
        code = _read(verb, arguments)
    except KeyboardInterrupt:
        from .._signals import die_by

        die_by(_signal.SIGINT)
        return 130
    if verb in _READING:
        _end_now(code)
    return code


def _read(verb: str, arguments: list[str]) -> int:
    if verb in VERBS:
        module = __import__(f"{__name__}.{_MODULES.get(verb, verb)}", fromlist=["main"])
        return int(module.main(arguments[1:]))
    from .other import main as other

    return other(arguments)


def _end_now(exit_code: int) -> "NoReturn":
    """End the process without taking the interpreter down piece by piece.

    That costs 3 ms, and far more where a large trace has to be taken down with it.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (ValueError, AttributeError):
            continue  # closed: the command had none either
        except OSError:
            if stream is sys.stdout:  # our own help was lost
                exit_code = exit_code or 1
    os._exit(exit_code)
