"""The commands of the scoreboard: real CLIs, each with a call that reads and changes nothing."""

from dataclasses import dataclass

# Where a command comes from.
SYSTEM = "system"  # whatever the machine has: Debian's packages, mostly
PYPI = "PyPI"  # in an environment of its own, pinned in `tools.py` under this name
NPM = "npm"


@dataclass(frozen=True)
class Cli:
    """One command. `argv[0]` is the program; `package` its pin, where it is installed for this."""

    argv: tuple[str, ...]
    source: str = SYSTEM
    package: str = ""
    python: bool = False
    version: tuple[str, ...] = ("--version",)  # what makes it tell its version


_FILE = "compat/clis.py"
_JSON = "src/tooltrail/schema/check-v1.schema.json"

CLIS = (
    Cli(("git", "status", "--short")),
    Cli(("curl", "--silent", "file:///etc/hostname")),
    Cli(("wget", "--version")),
    Cli(("jq", ".title", _JSON)),
    Cli(("perl", "-e", "print 1")),
    Cli(("kubectl", "version", "--client", "-o", "json"), version=("version", "--client")),
    Cli(("docker", "context", "ls", "--format", "json")),
    Cli(("terraform", "version", "-json")),
    Cli(("helm", "version")),
    Cli(("gh", "config", "list")),
    Cli(("npm", "config", "get", "registry")),
    Cli(("node", "-p", "1")),
    Cli(("make", "--dry-run", "lint")),
    Cli(("gcc", "-dumpmachine")),
    Cli(("tar", "--show-defaults")),
    Cli(("openssl", "version", "-a"), version=("version",)),
    Cli(("sqlite3", "-json", ":memory:", "select 1 as one")),
    Cli(("psql", "--help")),
    Cli(("rg", "--json", "Scoreboard", _FILE)),
    Cli(("find", "docs", "-name", "*.md")),
    Cli(("grep", "-c", "argv", _FILE)),
    Cli(("rsync", "--version")),
    Cli(("ssh", "-G", "localhost"), version=("-V",)),
    Cli(("systemctl", "list-unit-files", "--output", "json")),
    Cli(("dpkg-query", "--show", "git")),
    Cli(("apt-cache", "policy", "git")),
    Cli(("tmux", "list-commands"), version=("-V",)),
    Cli(("xz", "--robot", "--info-memory")),
    Cli(("sqlite-utils", "memory", "select 1 as one"), PYPI, "sqlite-utils", True),
    Cli(("black", "--check", _FILE), PYPI, "black", True),
    Cli(("flask", "--help"), PYPI, "Flask", True),
    Cli(("http", "--offline", "GET", "example.org"), PYPI, "httpie", True),
    Cli(("twine", "--version"), PYPI, "twine", True),
    Cli(("pre-commit", "sample-config"), PYPI, "pre-commit", True),
    Cli(("cookiecutter", "--version"), PYPI, "cookiecutter", True),
    Cli(("datasette", "plugins", "--all"), PYPI, "datasette", True),
    Cli(("fastapi", "--help"), PYPI, "fastapi-cli", True),
    Cli(("aws", "configure", "list"), PYPI, "awscli", True),
    Cli(("yt-dlp", "--list-extractors"), PYPI, "yt-dlp", True),
    Cli(("pip", "list", "--format", "json"), PYPI, "pip", True),
    Cli(("mypy", "--show-error-codes", "--no-incremental", _FILE), PYPI, "mypy", True),
    Cli(("pytest", "--version"), PYPI, "pytest", True),
    Cli(("llm", "models", "list"), PYPI, "llm", True),
    Cli(("ruff", "check", "--no-cache", "--output-format", "json", _FILE), PYPI, "ruff"),
    Cli(("tsc", "--showConfig", "--noEmit", "x.ts"), NPM, "typescript@7.0.2"),
    Cli(("prettier", "--support-info"), NPM, "prettier@3.10.1"),
    Cli(("eslint", "--env-info"), NPM, "eslint@10.15.0"),
    Cli(("semver", "1.2.3", "--increment", "minor"), NPM, "semver@7.8.6", version=("--help",)),
    Cli(("ncu", "--help"), NPM, "npm-check-updates@23.1.1"),
)  # fmt: skip
