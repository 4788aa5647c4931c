"""Decide at the start of an interpreter whether its program is a CLI that can be recorded.

Valid in every Python since 2.7, so that one that is too old can say so. Costs
next to nothing for what is no CLI: `python -c`, stdin, the interactive
interpreter, and what multiprocessing starts (which is `python -c`).
"""

# mypy: ignore-errors
# ruff: noqa: UP031 - f-strings came with 3.6

import os
import sys

INSTRUMENT = "TOOLTRAIL_INSTRUMENT"
OLDEST = (3, 11)
_NO_SCRIPT = ("", "-", "-c")  # what `sys.argv[0]` is then

_started = []  # both ways in may lead here: a start-up file, and PYTHONPATH


def start():
    """Have this program recorded, where it is a CLI. Never raises."""
    if _started:
        return
    _started.append(True)
    try:
        _start()
    except Exception:
        tell("failed")


def _start():
    if sys.version_info < OLDEST:
        tell("old")
    elif (getattr(sys, "argv", None) or _NO_SCRIPT)[0] in _NO_SCRIPT:
        tell("no-cli")
    else:
        find_package()
        from tooltrail.auto.startup import start as start_recording

        tell("cli" if start_recording() else "no-cli")


def find_package():
    """Have `tooltrail` importable: the environment's own, or else the one that we belong to."""
    try:
        import tooltrail

        if getattr(tooltrail, "__file__", None):
            return
        del sys.modules["tooltrail"]  # a folder of this name that is no package
    except ImportError:
        pass
    import _frozen_importlib as importing
    import _frozen_importlib_external as files

    folder = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    spec = files.spec_from_file_location(
        "tooltrail", folder + "/__init__.py", submodule_search_locations=[folder]
    )
    importing._load(spec)


def tell(state):
    """Tell the wrapper above us, if there is one, that this interpreter was seen.

    The variable names the wrapper's memory file: `/proc/PID/fd/N:NAME`. The name is compared, so
    that nothing is written into what another process has open under the same number.
    """
    where, _, name = os.environ.get(INSTRUMENT, "").partition(":")
    if not name:
        return
    try:
        if os.readlink(where) != "/memfd:%s (deleted)" % name:
            return
        version = "%d.%d" % sys.version_info[:2]
        tally = os.open(where, os.O_WRONLY | os.O_APPEND)
        try:
            os.write(tally, ("%d %s %s\n" % (os.getpid(), version, state)).encode("ascii"))
        finally:
            os.close(tally)
    except OSError:
        return
