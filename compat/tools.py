"""The tools, and their real jobs: what to run, and what must come out of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import files

# What differs from run to run of the bare tool: what it is, and the pattern that is blanked.
DURATIONS = ("durations", rb"\b\d+\.\d+s\b")
PROCESSES = ("process ids", rb"(?<=process \[)\d+")
CLIENTS = ("its clients' ports", rb"(?<=127\.0\.0\.1:)\d+")
TIMES = ("times of day", rb"(?<=\[)\d\d/\w+/\d{4} [\d:]+")


@dataclass(frozen=True)
class Job:
    """One call of a tool. `{port}` in its arguments is that of the local server.

    `tool`, `command` and `params` are what its entry must say; where `params` is None, only `argv`
    is known. `timed`: it takes long enough to be measured. `serves`: it is a server: it is asked
    once at this path, and then stopped with SIGINT.
    """

    name: str
    argv: tuple[str, ...]
    prepare: Callable[[Path], None] = files.nothing
    exit_code: int = 0
    tool: str = ""
    command: str = ""
    params: Mapping[str, Any] | None = None
    timed: bool = False
    differs: tuple[tuple[str, bytes], ...] = ()
    serves: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    ends_only: bool = False  # a usage error, help or version: there is no begin
    recorded: bool = True
    replaced: bool = False  # it gives way to another program by `exec`: its exit code is not seen
    children: tuple[str, ...] = ()  # other Python CLIs that it starts, which record themselves

    @property
    def log(self) -> str:
        """The name of the tool's log."""
        return self.tool or self.argv[0]


@dataclass(frozen=True)
class Tool:
    """A package, pinned, and the jobs that are done with it."""

    name: str
    framework: str
    requires: tuple[str, ...]
    jobs: tuple[Job, ...]


_REGION = {"AWS_DEFAULT_REGION": "eu-west-1"}
_OFFLINE = {"HTTPS_PROXY": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
_INSERT = ("sqlite-utils", "insert", "sales.db", "sales", "sales.csv", "--csv", "--pk", "id")
_NO_INDEX = ("pip", "install", "--no-index", "--no-deps", "--target", "out")
_SAMPLE = "sample-1.0-py3-none-any.whl"

TOOLS = (
    Tool(
        "sqlite-utils",
        "click",
        ("sqlite-utils==4.2.1",),
        (
            Job(
                "insert 20,000 rows",
                _INSERT,
                files.table,
                command="insert",
                params={"path": "sales.db", "table": "sales", "csv": True, "pk": ["id"]},
                timed=True,
            ),
            Job(
                "query 60,000 rows",
                ("sqlite-utils", "sales.db", "select * from sales", "--csv"),
                files.database,
                command="query",
                params={"path": "sales.db", "sql": "select * from sales", "csv": True},
                timed=True,
            ),
            Job(
                "a table that is not there",
                ("sqlite-utils", "rows", "sales.db", "nosuch"),
                files.database,
                exit_code=1,
                command="rows",
                params={"path": "sales.db", "dbtable": "nosuch"},
            ),
            Job(
                "an option that is not there",
                ("sqlite-utils", "insert", "sales.db", "--nosuch"),
                exit_code=2,
                command="insert",
                ends_only=True,
            ),
        ),
    ),
    Tool(
        "black",
        "click",
        ("black==26.10.1",),
        (
            Job(
                "format two packages, in parallel",
                ("black", "--quiet", "--workers", "2", "source"),
                files.packages,
                params={"workers": 2, "quiet": True, "src": ["source"]},
            ),
            Job(
                "check a package, one by one",
                ("black", "--check", "--workers", "1", "source/email/header.py"),
                files.package,
                exit_code=1,
                params={"check": True, "workers": 1, "src": ["source/email/header.py"]},
                timed=True,
            ),
        ),
    ),
    Tool(
        "Flask",
        "click",
        ("flask==3.1.3",),
        (
            Job(
                "list 800 routes",
                ("flask", "--app", "web", "routes"),
                files.web_app,
                command="routes",
                params={"sort": "endpoint", "all_methods": False},
                timed=True,
            ),
            Job(
                "the app's own command",
                ("flask", "--app", "web", "tally", "Oslo", "--limit", "3"),
                files.web_app,
                exit_code=3,
                command="tally",
                params={"town": "Oslo", "limit": 3},
            ),
            Job(
                "serve, and Ctrl-C",
                ("flask", "--app", "web", "run", "--port", "{free}"),
                files.web_app,
                command="run",
                params={"host": "127.0.0.1"},
                differs=(TIMES,),
                serves="/part/7/5",
            ),
        ),
    ),
    Tool(
        "httpie",
        "argparse",
        ("httpie==3.2.4",),
        (
            Job(
                "get 3 MB of JSON, laid out",
                ("http", "--ignore-stdin", "--pretty=format", ":{port}/rows.json"),
                params={"ignore_stdin": True},
                timed=True,
            ),
            Job(
                "a page that is not there",
                ("http", "--ignore-stdin", "--check-status", ":{port}/nosuch"),
                exit_code=4,
                params={"check_status": True},
            ),
        ),
    ),
    Tool(
        "twine",
        "argparse",
        ("twine==7.0.0",),
        (
            Job(
                "check a wheel",
                ("twine", "check", "--strict", _SAMPLE),
                files.wheel,
                command="check",
                params={"dists": [_SAMPLE], "strict": True},
                timed=True,
            ),
            Job(
                "check a file that is not there",
                ("twine", "check", "nosuch.whl"),
                exit_code=1,
                command="check",
                params={"dists": ["nosuch.whl"], "strict": False},
            ),
        ),
    ),
    Tool(
        "pip-audit",
        "argparse",
        ("pip-audit==2.10.1",),
        (
            Job(
                "help",
                ("pip-audit", "--help"),
                ends_only=True,
                children=("pip",),
                timed=True,
            ),
            Job(
                "audit while offline",
                ("pip-audit", "-r", "requirements.txt", "--no-deps", "--disable-pip"),
                files.requirements,
                exit_code=1,
                params={"no_deps": True, "disable_pip": True},
                environment=_OFFLINE,
                children=("pip",),
                timed=True,
            ),
        ),
    ),
    Tool(
        "pre-commit",
        "argparse",
        ("pre-commit==4.7.0",),
        (
            Job(
                "run two local hooks on 402 files",
                ("pre-commit", "run", "--all-files"),
                files.repository,
                exit_code=1,
                command="run",
                params={"all_files": True},
                timed=True,
            ),
        ),
    ),
    Tool(
        "cookiecutter",
        "click",
        ("cookiecutter==2.7.1",),
        (
            Job(
                "make a project of 150 files",
                ("cookiecutter", "--no-input", "template", "-o", "out", "name=Her Tool"),
                files.template,
                params={"no_input": True, "template": "template", "output_dir": "out"},
                timed=True,
            ),
        ),
    ),
    Tool(
        "datasette",
        "click",
        ("datasette==0.65.5",),
        (
            Job(
                "inspect a database",
                ("datasette", "inspect", "sales.db"),
                files.database,
                command="inspect",
                params={"files": ["sales.db"]},
                timed=True,
            ),
            Job(
                "get a table of 60,000 rows",
                ("datasette", "sales.db", "--get", "/sales/sales.csv?_size=max&_stream=1"),
                files.database,
                command="serve",
                params={"files": ["sales.db"], "get": "/sales/sales.csv?_size=max&_stream=1"},
                timed=True,
            ),
        ),
    ),
    Tool(
        "fastapi-cli",
        "typer",
        ("fastapi-cli==0.0.34", "fastapi==0.165.0", "typer==0.29.2"),
        (
            Job(
                "a file that is not there",
                ("fastapi", "run", "nosuch.py"),
                exit_code=1,
                command="run",
                params={"path": "nosuch.py"},
                timed=True,
            ),
            Job(
                "serve, and Ctrl-C",
                ("fastapi", "run", "api.py", "--port", "{free}"),
                files.api_app,
                command="run",
                params={"path": "api.py", "host": "0.0.0.0"},
                differs=(PROCESSES, CLIENTS),
                serves="/",
            ),
            Job(
                "an app, by the command `typer`",
                ("typer", "greet.py", "run", "hello", "Ann", "--times", "3"),
                files.typer_app,
                exit_code=4,
                command="run hello",
                params={"name": "Ann", "times": 3},
            ),
        ),
    ),
    Tool(
        "cyclopts",
        "cyclopts",
        ("cyclopts==5.4.0",),
        (
            Job(
                "write the docs of 120 commands",
                ("cyclopts", "generate-docs", "planner.py", "-o", "planner.md"),
                files.cyclopts_app,
                command="generate-docs",
                params={"script": "planner.py", "output": "planner.md"},
                timed=True,
            ),
            Job(
                "run an app",
                ("cyclopts", "run", "planner.py", "plan3", "ann", "--days", "4"),
                files.cyclopts_app,
                command="run",
                params={"script": "planner.py"},
            ),
        ),
    ),
    Tool(
        "awscli",
        "argparse, its own layer",
        ("awscli==1.46.3",),
        (
            Job("configure list", ("aws", "configure", "list"), timed=True),
            Job(
                "list a bucket",
                *(
                    (
                        *("aws", "--endpoint-url", "http://127.0.0.1:{port}"),
                        *("--no-sign-request", "s3", "ls", "s3://bucket"),
                    ),
                ),
                environment=_REGION,
                timed=True,
            ),
            Job(
                "without credentials",
                ("aws", "s3", "ls", "s3://bucket"),
                exit_code=255,
                environment={**_REGION, "AWS_EC2_METADATA_DISABLED": "true"},
            ),
        ),
    ),
    Tool(
        "yt-dlp",
        "optparse",
        ("yt-dlp==2026.10.26",),
        (
            Job(
                "fetch a film of 2 MB",
                ("yt-dlp", "--no-progress", "http://127.0.0.1:{port}/film.mp4"),
                params={"noprogress": True},
                timed=True,
            ),
            Job(
                "a page that is not there",
                ("yt-dlp", "http://127.0.0.1:{port}/nosuch"),
                exit_code=1,
                params={"playliststart": 1},
                timed=True,
            ),
        ),
    ),
    Tool(
        "pip",
        "optparse",
        ("pip==26.3",),
        (
            Job("list", ("pip", "list"), command="list", params={}, timed=True),
            Job(
                "install a wheel",
                (*_NO_INDEX, _SAMPLE),
                files.wheel,
                command="install",
                params={"target_dir": "out"},
                timed=True,
            ),
            Job(
                "a package that is not there",
                ("pip", "install", "--no-index", "nosuchpackage"),
                exit_code=1,
                command="install",
            ),
        ),
    ),
    Tool(
        "pytest",
        "argparse",
        ("pytest==9.2.0",),
        (
            Job(
                "600 tests, one fails",
                ("pytest", "-q", "-p", "no:cacheprovider", "--tb=short"),
                files.tests,
                exit_code=1,
                differs=(DURATIONS,),
                timed=True,
            ),
        ),
    ),
    Tool(
        "mypy",
        "argparse",
        ("mypy==2.4.1",),
        (
            Job(
                "check a module",
                *(
                    (
                        *("mypy", "--cache-dir", "/dev/null", "--follow-imports", "skip"),
                        "source/email/header.py",
                    ),
                ),
                files.package,
                timed=True,
            ),
        ),
    ),
    Tool(
        "ruff",
        "not Python",
        ("ruff==0.17.6",),
        (
            Job(
                "check a package",
                ("ruff", "check", "--no-cache", "source"),
                files.package,
                exit_code=1,
                recorded=False,
            ),
            Job(
                "the same, by `python -m`",
                ("python", "-m", "ruff", "check", "--no-cache", "source"),
                files.package,
                exit_code=1,
                tool="ruff",
                replaced=True,
            ),
        ),
    ),
    Tool(
        "llm",
        "click",
        ("llm==0.36",),
        (
            Job("list models", ("llm", "models"), command="models list", params={}, timed=True),
            Job(
                "a model that is not there",
                ("llm", "-m", "nosuch", "hello"),
                exit_code=1,
                command="prompt",
                params={"model_id": "nosuch", "prompt": "hello"},
            ),
        ),
    ),
    Tool(
        "celery",
        "click",
        ("celery==5.7.0",),
        (
            Job(
                "version",
                ("celery", "--version"),
                params={"version": True},
            ),
            Job(
                "ask workers, of which there are none",
                ("celery", "-A", "work", "inspect", "ping", "--timeout", "0.5"),
                files.queue,
                exit_code=69,
                command="inspect",
                params={"app": "work", "command": "ping", "timeout": 0.5},
                timed=True,
            ),
        ),
    ),
    Tool(
        "rich-click",
        "click",
        ("rich-click==1.9.9",),
        (
            Job(
                "a Click app, by the command `rich-click`",
                ("rich-click", "shout:cli", "out", "hey", "--times", "3"),
                files.rich_app,
                params={"script_and_args": ["shout:cli", "out", "hey", "--times", "3"]},
            ),
            Job(
                "its help",
                ("rich-click", "shout:cli", "--help"),
                files.rich_app,
                params={"script_and_args": ["shout:cli", "--help"]},
            ),
        ),
    ),
    Tool(
        "fire",
        "fire",
        ("fire==0.7.1",),
        (
            Job(
                "a module of the standard library",
                ("python", "-m", "fire", "calendar", "calendar", "2026"),
                tool="fire",
                command="calendar",
                params={"theyear": 2026, "w": 2},
            ),
            Job(
                "a function that is not there",
                ("python", "-m", "fire", "calendar", "nosuch"),
                exit_code=2,
                tool="fire",
                ends_only=True,
            ),
        ),
    ),
)
