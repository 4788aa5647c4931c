"""Real tools with instrumentation on and off: the quick part, with what the tests have installed.

`make compat` does the same with some twenty tools from the package registry.
"""

import subprocess
import sys
import sysconfig
from dataclasses import replace
from pathlib import Path

import pytest

from conftest import TOOLTRAIL

REPOSITORY = Path(__file__).parent.parent
sys.path.insert(0, str(REPOSITORY))  # `compat` is beside the tests, and no part of the package

from compat import report  # noqa: E402
from compat.compare import BY_NAME, judge  # noqa: E402
from compat.observe import Place  # noqa: E402
from compat.tools import TOOLS  # noqa: E402

_SQLITE_UTILS = next(tool for tool in TOOLS if tool.name == "sqlite-utils")
_PORT = 9  # of no server: none of these jobs asks one


@pytest.fixture(scope="module")
def venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment without tooltrail; its packages are lent by that of the tests."""
    path = tmp_path_factory.mktemp("compat") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(path)], check=True)
    (site,) = path.glob("lib/python*/site-packages")
    (site / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    script = Path(sysconfig.get_path("scripts"), "sqlite-utils").read_text()
    body = script.partition("\n")[2]
    (path / "bin" / "sqlite-utils").write_text(f"#!{path}/bin/python\n{body}")
    (path / "bin" / "sqlite-utils").chmod(0o755)
    return path


@pytest.fixture
def place(tmp_path: Path, venv: Path) -> Place:
    """A place of their own for the runs of one test."""
    (tmp_path / "runs").mkdir()
    return Place(tmp_path / "runs", venv, Path(TOOLTRAIL), _PORT)


@pytest.mark.parametrize("job", _SQLITE_UTILS.jobs, ids=lambda job: job.name)
def test_sqlite_utils_is_the_same_and_recorded_by_name(place, job) -> None:
    """Bytes, files and exit codes are those of the bare tool, enabled and under the wrapper."""
    verdict = judge(place, job)
    assert verdict.faults == []
    assert verdict.params == BY_NAME
    assert verdict.output == "identical"


def test_a_job_that_comes_to_something_else_is_a_fault(place) -> None:
    """Whatever the table says is held against the log: it can fail."""
    (job,) = (job for job in _SQLITE_UTILS.jobs if job.name == "a table that is not there")
    wrong = replace(job, exit_code=0, command="insert", params={"path": "other.db"})
    faults = judge(place, wrong).faults
    assert "bare: exit code 1, not 0" in faults
    for mode in ("enabled", "wrapped"):
        assert f"{mode}: exit_code 1, not 0" in faults
        assert f"{mode}: command 'rows', not 'insert'" in faults
        assert f"{mode}: params.path 'sales.db', not 'other.db'" in faults


def test_a_tool_that_notices_the_instrumentation_is_a_fault(place, venv) -> None:
    """Bytes are compared: a tool that prints what it finds in its environment differs."""
    tool = venv / "bin" / "looks"
    tool.write_text(f"#!{venv}/bin/python\nimport os\nprint(os.environ.get('PYTHONPATH'))\n")
    tool.chmod(0o755)
    job = replace(_SQLITE_UTILS.jobs[1], argv=("looks",), recorded=False)
    (fault,) = judge(place, job).faults
    assert fault.startswith("wrapped: stdout differs: b'None' became")


def test_the_page_has_a_row_for_every_job() -> None:
    """What is in the table of tools is in the docs, and nothing there is a fault."""
    page = (REPOSITORY / "docs" / "compatibility.md").read_text()
    for tool in TOOLS:
        assert f"| {' '.join(tool.requires).replace('==', ' ')} |" in page
        for job in tool.jobs:
            assert f"| {job.name} |" in page, f"{tool.name}: run `make compat`"


def test_a_fault_is_shown_in_the_table() -> None:
    """The docs cannot pass over what did not work."""
    job = {
        "job": "x",
        "exit_code": 0,
        "params": "argv",
        "output": "identical",
        "times": None,
        "faults": [],
    }
    found = {"black": {"version": "black 1", "framework": "click", "jobs": [job]}}
    assert "**" not in report.table(found)
    job["faults"] = ["enabled: stdout differs"]
    assert "**enabled: stdout differs**" in report.table(found)
