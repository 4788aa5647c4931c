"""What an interpreter runs when it starts a program that may be a CLI: it waits for imports.

Nothing is recorded here and next to nothing imported: the function that the program starts with,
and the frameworks, are met when the program imports them.
"""

import sys

from .._imports import after_import
from . import INSTRUMENT
from .programs import entry_of, is_cli

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

# Whose `watch` is called when they are imported: each has a module of its name in `integrations`.
FRAMEWORKS = ("click", "typer", "cyclopts", "argparse", "optparse", "fire")


_is_bare_script: list[bool] = []  # whether no function of the program can be framed


def start() -> bool:
    """Have this process's program record itself; tell whether it is one that somebody calls."""
    import os

    script = sys.argv[0]
    if not is_cli(script, sys.orig_argv):
        return False
    entry = None if script == "-m" else entry_of(script)
    if entry is not None:
        if entry.module.partition(".")[0] == "tooltrail":  # records itself
            return False
        found = entry
        after_import(found.module, lambda module: _frame_function(module, found))
    else:
        after_import("runpy", _frame_module)  # `-m`, a folder or an archive
        if script != "-m":
            _is_bare_script.append(True)
    for framework in FRAMEWORKS:
        after_import(framework, _watch)
    after_import("tooltrail._block", _give_way)
    if INSTRUMENT in os.environ:
        after_import("tooltrail._invocation", _tell_when_recorded)
    return True


def _watch(module: "ModuleType") -> None:
    name = module.__name__
    try:
        integration = __import__(f"tooltrail.integrations.{name}", fromlist=["watch"])
    except ModuleNotFoundError as error:
        if error.name != f"tooltrail.integrations.{name}":
            raise
        return  # tooltrail is of another version, or on its way out
    watch = getattr(integration, "watch", None)
    if watch is not None:
        watch()
    if _is_bare_script and name in ("argparse", "optparse"):
        from ..integrations._script import prepare

        prepare()


def _frame_function(module: "ModuleType", entry: "Entry") -> None:
    from .frame import frame_function

    frame_function(module, entry)


def _frame_module(runpy: "ModuleType") -> None:
    from .frame import frame_module

    frame_module(runpy)


def _give_way(module: "ModuleType") -> None:
    from .frame import give_way_to_blocks

    give_way_to_blocks(module)


def _tell_when_recorded(module: "ModuleType") -> None:
    """Say so to the wrapper above when the first call of this process is recorded."""
    kind = module.Invocation
    enter = kind.__enter__

    def enter_and_tell(self: object) -> object:
        kind.__enter__ = enter
        bootstrap = sys.modules.get("_tooltrail_bootstrap")
        if bootstrap is not None:
            bootstrap.tell("recorded")
        return enter(self)

    kind.__enter__ = enter_and_tell


if TYPE_CHECKING:
    from .programs import Entry
