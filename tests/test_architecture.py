"""The structure: imports run one way, the core stands alone, start-up is lean."""

import ast
import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import tooltrail
from conftest import PYTHON, SOURCE, Home

# The life of a call, in the order of docs/design.md: a stage may import those above it.
STAGES = [
    {"_wire", "_children", "_running"},
    {"_host", "_plain", "_signals", "_stdout", "_tracebacks", "errors"},
    {"_imports", "settings"},
    {"_encode"},
    {"_claims"},
    {"context"},
    {"_names", "_fingerprints"},
    {"_patterns", "_programs", "_learnt"},
    {"_redaction"},
    {"redact"},
    {"entry"},
    {"trail"},
    {"envelope"},
    {"_ending", "_meta_file", "_unrecorded", "_child", "secondhand"},
    {"_invocation"},
    {"_answer", "_origin", "_steps", "downstream"},
    {"_block"},
    {"calling"},
    {"query"},
    {"reconstruct", "trust"},
    {"userfile"},
    {"agents", "shells", "shims"},
    {"transcripts"},
    {"reconcile"},
    {"checker"},
    {"render"},
    {"mcp_server"},
    {"integrations"},
    {"auto"},
    {"cli"},
    {"__init__", "__main__", "testing"},
]
CORE = set().union(*STAGES[: STAGES.index({"query"})])
LEVEL = {name: level for level, stage in enumerate(STAGES) for name in stage}


def imports_of(path: Path) -> set[str]:
    """Return the top-level modules of the package that a file imports, lazily or not."""
    package = path.relative_to(SOURCE).parts
    found: set[str] = set()
    parsed = ast.parse(path.read_text())
    for_types = {
        id(inner)
        for node in ast.walk(parsed)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(parsed):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.ImportFrom) and node.level:
            base = list(package[: len(package) - node.level])
            target = [*base, *(node.module or "").split(".")]
            target = [part for part in target if part]
            found |= {target[0]} if target else {alias.name for alias in node.names}
    return {name for name in found if name in LEVEL}


MODULES = sorted(path for path in SOURCE.rglob("*.py") if path.parent.name != "schema")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_run_one_way(path: Path) -> None:
    """A module imports only what stands before it in the life of a call."""
    stage = path.relative_to(SOURCE).parts[0].removesuffix(".py")
    if stage in ("__init__", "__main__"):
        return
    above = {name for name in imports_of(path) - {stage} if LEVEL[name] >= LEVEL[stage]}
    assert not above - {"__init__"}


def test_the_core_imports_nothing_from_outside() -> None:
    """Context to envelope: the standard library and the core itself."""
    for path in MODULES:
        stage = path.relative_to(SOURCE).parts[0].removesuffix(".py")
        if stage not in CORE:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            names = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom) and not node.level
                else []
            )
            for name in names:
                known = sys.stdlib_module_names | {"_sha2", "_sha256"}  # since 3.12, before it
                assert name.partition(".")[0] in known, (path, name)


def modules_loaded_by(home: Home, code: str) -> set[str]:
    """Return what a fresh interpreter loads for some code, beyond what it starts with."""
    script = f"import sys; before = set(sys.modules)\n{code}\nprint(*(set(sys.modules) - before))"
    return set(home.run(PYTHON, "-c", script).stdout.split())


def test_importing_the_package_loads_nothing_else(home: Home) -> None:
    """`import tooltrail` is the package alone; everything else waits for its first use."""
    assert modules_loaded_by(home, "import tooltrail") == {"tooltrail"}


def test_recording_loads_no_expensive_module(home: Home) -> None:
    """A recorded block needs none of the modules that cost milliseconds."""
    loaded = modules_loaded_by(
        home, "import tooltrail\nwith tooltrail.invocation('x', params={'a': 1}): pass"
    )
    expensive = {
        "json", "re", "typing", "datetime", "hashlib", "uuid", "secrets", "logging", "subprocess",
        "dataclasses", "importlib.metadata", "argparse", "signal", "enum", "ctypes", "tempfile",
    }  # fmt: skip
    assert not loaded & expensive
    assert not {name for name in loaded if name.startswith(("tooltrail.query", "tooltrail.render"))}


def test_an_instrumented_click_tool_loads_only_the_core(home: Home) -> None:
    """Beside Click itself, nothing of the reading side is imported in either mode."""
    for envelope in (False, True):
        code = (
            "import click\nbefore = set(sys.modules)\n"
            "from tooltrail.integrations.click import instrument\n"
            "command = click.Command('x', callback=lambda: None)\n"
            f"instrument(command, tool='x', envelope={envelope})\n"
            "try: command.main([])\nexcept SystemExit: pass\nprint()"
        )
        loaded = modules_loaded_by(home, code)
        assert not {
            name
            for name in loaded
            if name in ("json", "datetime", "hashlib", "uuid")
            or (name == "tooltrail._typing" and not envelope)  # each module takes 0.1 ms
            or name.startswith(("tooltrail.query", "tooltrail.render", "tooltrail.cli"))
        }


@pytest.mark.parametrize(
    "words",
    ["log", "trace {}", "stats", "diff {} {}", "audit-log", "verify", "trace {} --output summary"],
)
def test_reading_the_logs_loads_no_expensive_module(home: Home, words: str) -> None:
    """What costs milliseconds and no reading needs: the modules of types above all."""
    code = "import tooltrail\nwith tooltrail.invocation('x') as it: print(it.trace_id)"
    ids = [home.run(PYTHON, "-c", code).stdout.strip()] * 2
    command = [PYTHON, "-X", "importtime", "-m", "tooltrail", *words.format(*ids).split()]
    told = home.run(*command, env={"NO_COLOR": "1"}).stderr
    loaded = {line.rpartition("|")[2].strip() for line in told.splitlines()}
    assert loaded >= {"json", "tooltrail.query.search"}
    assert not loaded & {
        "typing", "dataclasses", "importlib.metadata", "inspect", "logging", "subprocess", "uuid",
        "copy", "asyncio", "tempfile", "email", "socket",
    }  # fmt: skip


def test_the_public_names_are_these(home: Home) -> None:
    """Adding a public name is a decision: it is written down here."""
    assert set(tooltrail.__all__) == {
        "CallFailedError",
        "CommandError",
        "Invocation",
        "NotRecordedError",
        "Result",
        "Session",
        "TooltrailError",
        "__version__",
        "arun",
        "current",
        "get_audit_log",
        "invocation",
        "last_success",
        "mark_cached",
        "mark_deduplicated",
        "mark_dry_run",
        "mark_executed",
        "run",
        "step",
        "traced_run",
    }
    for name in tooltrail.__all__:
        assert getattr(tooltrail, name)
    stub = ast.parse((SOURCE / "__init__.pyi").read_text())
    (exported,) = [node for node in stub.body if isinstance(node, ast.Assign)]
    assert set(ast.literal_eval(exported.value)) == set(tooltrail.__all__)
    with pytest.raises(AttributeError, match="nonsense"):
        tooltrail.nonsense  # noqa: B018


def test_public_functions_say_what_they_do() -> None:
    """Every public module, class and function has a docstring."""
    silent = []
    for path in MODULES:
        parsed = ast.parse(path.read_text())
        nodes = [parsed, *(node for node in parsed.body if isinstance(node, ast.ClassDef))]
        nodes += [
            node
            for holder in [*nodes]
            for node in getattr(holder, "body", [])
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
        ]
        silent += [
            (path.name, getattr(node, "name", "")) for node in nodes if not ast.get_docstring(node)
        ]
    assert not silent


def test_no_module_outgrows_one_idea() -> None:
    """A module of more than 400 lines wants to be two."""
    for path in MODULES:
        assert len(path.read_text().splitlines()) <= 400, path


def test_every_module_can_be_imported_alone(home: Home) -> None:
    """No module works only because another was imported before it."""
    names = [
        ".".join(["tooltrail", *path.relative_to(SOURCE).with_suffix("").parts]).removesuffix(
            ".__init__"
        )
        for path in MODULES
        if path.stem != "__main__"
    ]
    for name in names:
        import_module(name)
    failed = [
        name
        for name in names
        if subprocess.run([PYTHON, "-c", f"import {name}"], check=False).returncode
    ]
    assert not failed
    assert json.dumps(names)
