"""The text of a shim: what a shell runs in place of the program.

It is written for bash where there is one, in its privileged mode: that neither reads BASH_ENV
nor imports functions, and hands on every variable as it came. dash drops those whose names are
no identifiers, among them the functions that a user's bash has exported.

It sets no variable that the program could have wanted, but for the depth counter: a program that
looks for "the next one of my name in PATH", as version managers do, could find the shim again
and again. After sixteen shims within each other the program runs with a PATH without them.
"""

import os
import shlex

_MARK = b"# A shim of tooltrail, version 1: made by `tooltrail shim add`, taken away by `remove`."
_STARTS = b"# starts: "
_ENTRY = "_from_shim.py"
_BASH = "/bin/bash"

_SCRIPT = """\
#!{shell}
{mark}
{starts}{python} {entry}
case ${{TOOLTRAIL_SHIM_DEPTH-}} in
????????????????) ;;
*)
    if [ -x {python} ] && [ -r {entry} ]; then
        TOOLTRAIL_SHIM_DEPTH=x${{TOOLTRAIL_SHIM_DEPTH-}}
        export TOOLTRAIL_SHIM_DEPTH
        exec {python} -E -P {entry} run -- {name} "$@"
    fi
    ;;
esac
# tooltrail is not there (or the shims go in circles): the program alone, without the shims.
unset TOOLTRAIL_SHIM_DEPTH
_tooltrail_path=
_tooltrail_rest=$PATH:
while [ -n "$_tooltrail_rest" ]; do
    _tooltrail_one=${{_tooltrail_rest%%:*}}
    _tooltrail_rest=${{_tooltrail_rest#*:}}
    case $(cd -P -- "${{_tooltrail_one:-.}}" 2>/dev/null && pwd -P) in
    */tooltrail/shims) ;;
    *) _tooltrail_path=$_tooltrail_path${{_tooltrail_path:+:}}${{_tooltrail_one:-.}} ;;
    esac
done
PATH=$_tooltrail_path
unset _tooltrail_path _tooltrail_rest _tooltrail_one
if command -v {name} >/dev/null 2>&1; then
    exec {name} "$@"
fi
echo {name}": command not found" >&2
exit 127
"""


def script(name: str, python: str) -> bytes:
    """Return the text of the shim of `name`, which starts tooltrail with this interpreter."""
    cli = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "cli")
    text = _SCRIPT.format(
        shell=f"{_BASH} -p" if os.access(_BASH, os.X_OK) else "/bin/sh",
        mark=_MARK.decode(),
        starts=_STARTS.decode(),
        python=shlex.quote(python),
        entry=shlex.quote(f"{cli}/{_ENTRY}"),
        name=shlex.quote(name),
    )
    return os.fsencode(text)


def is_ours(text: bytes) -> bool:
    """Tell a shim of ours, of whatever version, from anything else."""
    return _MARK.partition(b", version")[0] in text.partition(b"\n")[2][:200]


def program_of(text: bytes) -> tuple[str, str]:
    """Return the interpreter and the file that a shim starts; two empty ones where none is told."""
    for line in text.split(b"\n")[:5]:
        if line.startswith(_STARTS):
            try:
                python, entry = shlex.split(os.fsdecode(line[len(_STARTS) :]))
            except ValueError:
                break
            return python, entry
    return "", ""
