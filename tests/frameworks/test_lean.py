"""What is loaded for a tool of the guides, beside what its framework loads."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import PYTHON, Home

_EMBED = (Path(__file__).parent.parent.parent / "docs" / "guides" / "embed.md").read_text()
_BLOCKS = dict(
    re.findall(r"^## ([^\n]+)\n.*?```python\n(.*?)```", _EMBED, re.DOTALL | re.MULTILINE)
)
_RUN = {
    "Click, rich-click": "cli()",
    "Typer": "app()",
    "Cyclopts": "app()",
    "argparse": "main()",
    "Fire": "main()",
}


@pytest.mark.parametrize("title", sorted(_RUN))
def test_instrumenting_imports_nothing_more_of_the_framework(
    home: Home, tmp_path: Path, title: str
) -> None:
    """None of its optional parts: the same modules of it are loaded as without us."""
    block = _BLOCKS[title]
    bare = "\n".join(
        line for line in block.splitlines() if "instrument" not in line and "tooltrail" not in line
    )
    loaded = []
    for number, text in enumerate((bare, block.replace(", envelope=True", ""))):
        script = tmp_path / f"deployctl{number}.py"
        tell = "import sys, atexit\natexit.register(lambda: print(*sys.modules, file=sys.stderr))\n"
        script.write_text(f"{tell}{text}\n{_RUN[title]}\n")
        done = subprocess.run(
            [PYTHON, str(script), "deploy", "staging"],
            env=home.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        loaded.append({name for name in done.stderr.split() if not name.startswith("_")})
    ours = {name.partition(".")[0] for name in loaded[1] - loaded[0]} - {"tooltrail"}
    assert not ours - sys.stdlib_module_names
