"""Console scripts are read as text: every form that an installer writes, and nothing else."""

from pathlib import Path

import pytest

from auto_world import SITE, World, world_in
from conftest import Home
from tooltrail.auto.programs import entry_in, entry_of, entry_points, is_cli, module_in

PIP = """\
# -*- coding: utf-8 -*-
import re
import sys
from {module} import {first}
if __name__ == '__main__':
    sys.argv[0] = re.sub(r'(-script\\.pyw|\\.exe)?$', '', sys.argv[0])
    sys.exit({call}())
"""
NEWER_PIP = """\
import sys
from {module} import {first}
if __name__ == '__main__':
    sys.argv[0] = sys.argv[0].removesuffix('.exe')
    sys.exit({call}())
"""
UV = """\
# -*- coding: utf-8 -*-
import sys
from {module} import {first}
if __name__ == "__main__":
    if sys.argv[0].endswith("-script.pyw"):
        sys.argv[0] = sys.argv[0][:-11]
    elif sys.argv[0].endswith(".exe"):
        sys.argv[0] = sys.argv[0][:-4]
    sys.exit({call}())
"""
LONG = """\
'''exec' "/a very long/path to/python" "$0" "$@"
' '''
import sys
from {module} import {first}
if __name__ == '__main__':
    sys.exit({call}())
"""
PKG_RESOURCES = """\
# EASY-INSTALL-ENTRY-SCRIPT: 'tools==1.0','console_scripts','tool-plain'
__requires__ = 'tools==1.0'
import re
import sys
from pkg_resources import load_entry_point

if __name__ == '__main__':
    sys.argv[0] = re.sub(r'(-script\\.pyw?|\\.exe)?$', '', sys.argv[0])
    sys.exit(
        load_entry_point('tools==1.0', 'console_scripts', 'tool-plain')()
    )
"""
METADATA = """\
# EASY-INSTALL-ENTRY-SCRIPT: 'tools==1.0','console_scripts','tool-plain'
import re
import sys

# for compatibility with easy_install; see #2198
__requires__ = 'tools==1.0'

try:
    from importlib.metadata import distribution
except ImportError:
    try:
        from importlib_metadata import distribution
    except ImportError:
        from pkg_resources import load_entry_point


def importlib_load_entry_point(spec, group, name):
    dist_name, _, _ = spec.partition('==')
    matches = (
        entry_point
        for entry_point in distribution(dist_name).entry_points
        if entry_point.group == group and entry_point.name == name
    )
    return next(matches).load()


globals().setdefault('load_entry_point', importlib_load_entry_point)


if __name__ == '__main__':
    sys.argv[0] = re.sub(r'(-script\\.pyw?|\\.exe)?$', '', sys.argv[0])
    sys.exit(load_entry_point('tools==1.0', 'console_scripts', 'tool-plain')())
"""
BUILDOUT = """\
import sys
sys.path[0:0] = [
  '/srv/eggs',
  ]

import {module}

if __name__ == '__main__':
    sys.exit({module}.{call}())
"""
BARE = """\
from {module} import {first}
{call}()
"""
FORMS = {
    "pip": PIP,
    "newer pip": NEWER_PIP,
    "uv": UV,
    "long first line": LONG,
    "buildout": BUILDOUT,
    "importlib.metadata": METADATA,
    "hand-written": BARE,
}


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The environment that the tools are in."""
    return world_in(tmp_path_factory.getbasetemp())


@pytest.mark.parametrize("form", FORMS)
def test_each_form_of_console_script_is_recorded(
    home: Home, world: World, tmp_path: Path, form: str
) -> None:
    """As real files, run by a real interpreter that has the tools."""
    script = tmp_path / "tool-written"
    text = FORMS[form].format(module="tool_plain", first="main", call="main")
    script.write_text(f"#!{world.python}\n{text}")
    script.chmod(0o755)
    for asked in ("exit7", "300", "crash", "look"):
        bare = home.run(script, asked)
        done = home.run(script, asked, env={"PYTHONPATH": str(SITE)})
        assert (done.stdout, done.stderr) == (bare.stdout, bare.stderr)
        assert done.returncode == bare.returncode
        assert home.events("tool-written", "end")[-1]["exit_code"] == bare.returncode


@pytest.mark.parametrize("form", ["pip", "newer pip", "uv", "long first line"])
def test_dotted_functions_are_read(form: str) -> None:
    """`module:Class.method` imports the class."""
    text = FORMS[form].format(module="a.b", first="App", call="App.launch")
    entry = entry_in(text)
    assert entry is not None
    assert (entry.module, entry.attribute, entry.exits) == ("a.b", "App.launch", True)


def test_what_a_bare_call_returns_is_no_exit_code() -> None:
    """Only `sys.exit(main())` makes it one."""
    entry = entry_in(BARE.format(module="a", first="main", call="main"))
    assert entry is not None
    assert not entry.exits


OTHERS = {
    "nothing": "",
    "a script of its own": "import sys\nprint(1)\nsys.exit(main())\n",
    "arguments": "from a import main\nmain(1)\n",
    "a call before the end": "from a import setup\nsetup()\nprint('more')\n",
    "a constant": "import sys\nsys.exit(3)\n",
    "no import": "def main(): pass\nmain()\n",
    "broken": "sys.exit(((\n",
    "a loader that is not known": "load_entry_point('x')()\n",
}


@pytest.mark.parametrize("kind", OTHERS)
def test_other_scripts_are_not_console_scripts(kind: str) -> None:
    """Nothing is guessed."""
    assert entry_in(OTHERS[kind]) is None


def test_files_that_are_no_scripts_are_none(tmp_path: Path) -> None:
    """Long ones, binary ones, those without a first line, folders."""
    text = PIP.format(module="a", first="main", call="main")
    for name, content in (
        ("plain", text.encode()),
        ("long", b"#!/usr/bin/python\n" + b"#" * 9000 + text.encode()),
        ("binary", b"#!/usr/bin/python\n\0" + text.encode()),
    ):
        (tmp_path / name).write_bytes(content)
        assert entry_of(str(tmp_path / name)) is None
    assert entry_of(str(tmp_path)) is None
    assert entry_of(str(tmp_path / "missing")) is None


MODULES = {
    ("python", "-m", "a.b", "x"): "a.b",
    ("python", "-ma.b"): "a.b",
    ("python", "-I", "-m", "a"): "a",
    ("python", "-Im", "a"): "a",
    ("python", "-X", "frozen_modules=off", "-m", "a"): "a",
    ("python", "-Xdev", "-Wignore", "-m", "a"): "a",
    ("python", "-W", "module", "-m", "a"): "a",
    ("python", "--check-hash-based-pycs", "always", "-m", "a"): "a",
    ("python", "script.py", "-m", "a"): "",
    ("python",): "",
    ("python", "-m"): "",
}


@pytest.mark.parametrize("arguments", MODULES, ids=" ".join)
def test_the_module_is_found_among_the_interpreters_arguments(arguments: tuple[str, ...]) -> None:
    """Wherever `-m` stands."""
    assert module_in(list(arguments)) == MODULES[arguments]


def test_programs_that_only_programs_start_are_no_clis() -> None:
    """Kernels and the runners of build tools; and tooltrail records itself."""
    for module in ("ipykernel_launcher", "tooltrail", "tooltrail.cli"):
        assert not is_cli("-m", ["python", "-m", module])
    assert not is_cli("/x/pip/__pip-runner__.py", ["python", "/x/pip/__pip-runner__.py"])
    assert is_cli("-m", ["python", "-m", "pip"])
    assert is_cli("/usr/bin/gunicorn", ["python", "/usr/bin/gunicorn"])


def test_entry_points_are_read_by_group() -> None:
    """Comments and blanks are passed over."""
    text = "[console_scripts]\n# one\na = b:c\n\n[other]\na = d:e [extra]\nnonsense\n"
    assert entry_points(text) == {("console_scripts", "a"): "b:c", ("other", "a"): "d:e [extra]"}
