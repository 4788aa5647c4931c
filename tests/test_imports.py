"""`after_import`: an action right after a module is imported, and an import like any other."""

from pathlib import Path

import pytest

from conftest import PYTHON, Home

START = """
import sys
sys.path.insert(0, sys.argv[1])
from tooltrail._imports import after_import
def seen(module): print("after", module.__name__, getattr(module, "value", None))
"""


def run(home: Home, folder: Path, code: str) -> str:
    """Run some code with modules of a test's own; return what it prints, stderr too."""
    done = home.run(PYTHON, "-c", START + code, folder)
    return done.stdout + done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a module, a package, and one that fails."""
    made = tmp_path / "modules"
    (made / "package").mkdir(parents=True)
    (made / "single.py").write_text("print('running')\nvalue = 7\n")
    (made / "package" / "__init__.py").write_text("value = 'package'\n")
    (made / "package" / "inner.py").write_text("from . import value\nimport single\n")
    (made / "broken.py").write_text("raise ValueError('broken')\n")
    return made


def test_the_action_comes_after_the_modules_own_code(home: Home, folder: Path) -> None:
    """Once, with the module; and the module is imported by the program, not by us."""
    code = (
        "after_import('single', seen)\nassert 'single' not in sys.modules\n"
        "import single, single\nprint('imported')\nimport importlib\nimportlib.reload(single)"
    )
    assert run(home, folder, code) == "running\nafter single 7\nimported\nrunning\n"


def test_a_module_that_is_there_already_is_seen_at_once(home: Home, folder: Path) -> None:
    """Nothing is put into `sys.meta_path` for it."""
    code = (
        "import single\nbefore = list(sys.meta_path)\nafter_import('single', seen)\n"
        "assert sys.meta_path == before"
    )
    assert run(home, folder, code) == "running\nafter single 7\n"


def test_modules_of_packages_are_seen_in_their_order(home: Home, folder: Path) -> None:
    """A module that is imported by another that is waited for, too."""
    code = (
        "for name in ('package', 'package.inner', 'single'): after_import(name, seen)\n"
        "import package.inner"
    )
    assert run(home, folder, code).splitlines() == [
        "after package package", "running", "after single 7", "after package.inner package",
    ]  # fmt: skip


def test_loader_and_spec_are_those_of_the_program(home: Home, folder: Path) -> None:
    """Type, origin and cache; and the finder is gone when nothing is waited for."""
    code = (
        "import package\nbefore = list(sys.meta_path)\nafter_import('single', seen)\n"
        "assert len(sys.meta_path) == len(before) + 1\nimport single\n"
        "assert sys.meta_path == before\n"
        "assert type(single.__loader__) is type(package.__loader__)\n"
        "assert single.__spec__.loader is single.__loader__\n"
        "assert 'exec_module' not in vars(single.__loader__)\n"
        "assert single.__spec__.origin == single.__file__ and single.__spec__.cached\n"
    )
    assert run(home, folder, code) == "running\nafter single 7\n"


@pytest.mark.parametrize("name", ["__phello__", "_symtable"])
def test_frozen_and_builtin_modules_are_seen(home: Home, folder: Path, name: str) -> None:
    """Their loaders are classes that all such modules share."""
    code = (
        f"import importlib, __hello__\nafter_import({name!r}, seen)\n"
        f"module = importlib.import_module({name!r})\n"
        "assert isinstance(module.__spec__.loader, type)\n"
        "assert module.__loader__ is module.__spec__.loader\n"
    )
    assert run(home, folder, code).splitlines()[-1] == f"after {name} None"


def test_modules_of_a_zip_archive_are_seen(home: Home, folder: Path, tmp_path: Path) -> None:
    """All of them share one loader, also where one was asked for and not imported."""
    import zipfile

    archive = tmp_path / "modules.zip"
    with zipfile.ZipFile(archive, "w") as made:
        for name in ("first", "second"):
            made.writestr(f"{name}.py", f"value = {name!r}\n")
    code = (
        "import importlib.util\nafter_import('first', seen)\nimportlib.util.find_spec('first')\n"
        "import second\nprint('second')\nimport first\n"
    )
    assert run(home, archive, code) == "second\nafter first first\n"


def test_an_import_that_fails_fails_as_it_would(home: Home, folder: Path) -> None:
    """Its exception passes through, nothing is left behind, and it can be tried again."""
    code = (
        "after_import('broken', seen)\n"
        "for _ in range(2):\n"
        "    try: import broken\n"
        "    except ValueError as error: print(repr(error), 'broken' in sys.modules)\n"
    )
    assert run(home, folder, code) == "ValueError('broken') False\n" * 2


def test_a_module_that_is_nowhere_is_not_found(home: Home, folder: Path) -> None:
    """With the words of the interpreter."""
    code = (
        "after_import('nowhere', seen)\ntry: import nowhere\n"
        "except ModuleNotFoundError as error: print(error)\n"
    )
    assert run(home, folder, code) == "No module named 'nowhere'\n"


def test_an_action_that_fails_does_not_fail_the_import(home: Home, folder: Path) -> None:
    """It is said, and the other actions are done."""
    code = (
        "after_import('single', lambda module: 1 / 0)\nafter_import('single', seen)\n"
        "import single\nprint(single.value)\n"
    )
    out = run(home, folder, code)
    assert out.startswith("running\nafter single 7\n7\n")
    assert "tooltrail: single is not observed: ZeroDivisionError" in out


def test_a_lazy_module_is_seen_when_its_code_runs(home: Home, folder: Path) -> None:
    """`LazyLoader` puts that off until the first attribute is asked for."""
    code = (
        "import importlib.util as u\nafter_import('single', seen)\n"
        "spec = u.find_spec('single')\nspec.loader = u.LazyLoader(spec.loader)\n"
        "module = u.module_from_spec(spec)\nsys.modules['single'] = module\n"
        "spec.loader.exec_module(module)\nprint('lazy')\nprint(module.value)\n"
    )
    assert run(home, folder, code) == "lazy\nrunning\nafter single 7\n7\n"


def test_a_loader_of_old_is_left_alone(home: Home, folder: Path) -> None:
    """One that has `load_module` alone cannot be watched, and works as it did."""
    code = (
        "import importlib.machinery as m, types, warnings\nwarnings.simplefilter('ignore')\n"
        "class Old:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        return m.ModuleSpec(name, self) if name == 'old' else None\n"
        "    def load_module(self, name):\n"
        "        module = sys.modules[name] = types.ModuleType(name)\n"
        "        return module\n"
        "sys.meta_path.insert(0, Old())\nafter_import('old', seen)\nimport old\nprint('there')\n"
    )
    assert run(home, folder, code) == "there\n"
