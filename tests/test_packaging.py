"""What is installed is what was meant: a wheel and an sdist that work in an empty environment."""

import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the sdist, and the wheel from the sdist, as a release does."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)],
        check=True,
        capture_output=True,
    )
    return folder


def test_the_archives_hold_what_they_must(built: Path) -> None:
    """Types marker, schemas and licence ship; tests and docs are in the sdist."""
    (wheel,) = built.glob("*.whl")
    (sdist,) = built.glob("*.tar.gz")
    names = zipfile.ZipFile(wheel).namelist()
    assert "tooltrail/py.typed" in names
    assert "tooltrail/__init__.pyi" in names
    assert "tooltrail/schema/entry-v1.schema.json" in names
    assert "tooltrail/schema/envelope-v1.schema.json" in names
    assert any(name.endswith("LICENSE") for name in names)
    metadata = next(name for name in names if name.endswith("METADATA"))
    requires = [
        line
        for line in zipfile.ZipFile(wheel).read(metadata).decode().splitlines()
        if line.startswith("Requires-Dist") and "extra ==" not in line
    ]
    assert requires == []
    with tarfile.open(sdist) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    assert {"docs/format/entry-v1.md", "tests/conftest.py", "Makefile"} <= inside


@pytest.mark.parametrize("kind", ["*.whl", "*.tar.gz"])
def test_it_installs_and_records_in_an_empty_environment(
    built: Path, tmp_path: Path, kind: str
) -> None:
    """With nothing else installed, a command is wrapped, recorded and read back."""
    (archive,) = built.glob(kind)
    venv.create(tmp_path / "venv", with_pip=True)
    binaries = tmp_path / "venv" / "bin"
    # The sdist's build backend comes from the registry; the package itself needs nothing.
    subprocess.run(
        [binaries / "python", "-m", "pip", "install", "--quiet", "--no-deps", str(archive)],
        check=True,
        capture_output=True,
    )
    run = [str(binaries / "tooltrail"), "run", "--trace-id", "t", "--", "echo", "hello"]
    assert subprocess.run(run, check=True, capture_output=True, text=True).stdout == "hello\n"
    tree = [str(binaries / "tooltrail"), "trace", "t", "--output", "tree"]
    shown = subprocess.run(tree, check=True, capture_output=True, text=True).stdout
    assert "+ echo hello" in shown
