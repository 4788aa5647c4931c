"""A command line, taken apart: the program, what asks for JSON, what it is made with."""

import os
import re
import shlex
from contextlib import suppress

from .._child import find_program
from .._typing import TYPE_CHECKING
from ..errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_INTERPRETERS = re.compile(
    r"(python|pypy|node|nodejs|deno|bun|ruby|perl|php|bash|sh|dash|zsh|lua|Rscript)[\d.]*$"
)
_WITH_VALUE = {"-c", "-e", "-m", "-W", "-X", "--eval"}
_WRAPPERS: dict[str, tuple[str, ...]] = {  # what starts a program; its options that take a word
    "env": ("-u", "-C"), "nice": ("-n",), "ionice": ("-c", "-n"), "nohup": (), "setsid": (),
    "time": ("-o", "-f"), "stdbuf": ("-i", "-o", "-e"), "timeout": ("-s", "-k"),
    "sudo": ("-u", "-g", "-C", "-p"), "doas": ("-u", "-C"), "chrt": (), "taskset": ("-c",),
}  # fmt: skip
_WITH_A_WORD = {"timeout", "chrt"}  # before the program
_RUNNERS = {("uv", "run"), ("poetry", "run"), ("pipx", "run"), ("uvx",), ("npx",), ("bunx",)}
_RECORDERS = ("tooltrail", "run")
_JSON_FLAGS = re.compile(r"--json$|-j$|--(output|format|out|output-format)=jsonl?$")
_NAMED_FORMATS = {"-o", "-f", "--output", "--format", "--out", "--output-format"}
_FORMATS = {"json", "jsonl"}

_MACHINE_CODE = (b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
_SOURCE_BYTES = 400_000
_FRAMEWORKS = ("rich_click", "typer", "cyclopts", "fire", "click", "optparse", "argparse")
_IMPORTS = re.compile(r"^[ \t]*(?:from|import)\s+([A-Za-z_][\w.]*)", re.MULTILINE)
_ENTRY_POINT = re.compile(r"^from ([A-Za-z_][\w.]*) import (\w+)", re.MULTILINE)
_SAYINGS = (  # what a framework's own texts say; the first that fits
    ("cobra", re.compile(r'Use "[^"]+ \[command\] --help" for more information')),
    ("clap", re.compile(r"For more information, try '?--help'?")),
    ("click", re.compile(r"^Try '[^'\n]+ (?:--help|-h)' for help", re.MULTILINE)),
    ("click", re.compile(r"Usage: \S+ \[OPTIONS\]")),
    ("argparse", re.compile(r"^usage: \S+ [^\n]*\[-h\]", re.MULTILINE)),
    ("commander", re.compile(r"error: unknown (option|command) '")),
)


def words_of(option: str, line: str, *, comments: bool = False) -> list[str]:
    """Split a command line as a shell would; with `comments`, up to a word that begins with `#`.

    Raises `UsageError`, which names the option.
    """
    try:
        words = shlex.split(line, comments=comments)
    except ValueError as error:
        raise UsageError(f"{option}: {line[:80]!r}: {error}".lower()) from error
    if not words:
        raise UsageError(f"{option} names no command")
    return words


class Program:
    """A command line, taken apart: `prefix` reaches the program, `rest` is what it is told.

    `json_flags` are the words of it that ask for JSON.
    """

    def __init__(self, argv: "Sequence[str]", prefix: "Sequence[str] | None" = None) -> None:
        self.argv = list(argv)
        guessed = list(prefix) if prefix else self.argv[: _length_of_prefix(self.argv)]
        self.prefix = guessed
        same = self.argv[: len(guessed)] == guessed
        self.rest = self.argv[len(guessed) :] if same else self.argv[1:]
        self.json_flags = list(_json_flags(self.rest))

    @property
    def name(self) -> str:
        """What the program is called: the name that its log may have."""
        for word in reversed(self.prefix):
            if not word.startswith("-"):
                base = os.path.basename(word)
                return base.rpartition(".")[0] if base.endswith((".py", ".js", ".rb")) else base
        return os.path.basename(self.prefix[0])

    def with_words(self, *words: str) -> list[str]:
        """Return a call of the program that is told only this, and asked for JSON as before."""
        return [*self.prefix, *words, *self.json_flags]

    def framework(self, said: str) -> str | None:
        """Return what the program is made with, by its source and by what it `said`; or None."""
        for text in _sources(self.prefix):
            imported = {name.partition(".")[0] for name in _IMPORTS.findall(text)}
            found = next((name for name in _FRAMEWORKS if name in imported), None)
            if found is not None:
                return found.replace("_", "-")
        found = next((name for name, saying in _SAYINGS if saying.search(said)), None)
        return None if found in _FRAMEWORKS and _is_machine_code(self.prefix[-1]) else found


def _length_of_prefix(argv: "Sequence[str]") -> int:
    at = 0
    if tuple(os.path.basename(word) for word in argv[:2]) == _RECORDERS and "--" in argv:
        at = argv.index("--") + 1
    while at < len(argv) - 1 and os.path.basename(argv[at]) in _WRAPPERS:
        wrapper = os.path.basename(argv[at])
        at += 1
        while at < len(argv) - 1 and (argv[at].startswith("-") or "=" in argv[at]):
            at += 2 if argv[at] in _WRAPPERS[wrapper] else 1
        at += wrapper in _WITH_A_WORD
    for runner in _RUNNERS:
        if tuple(argv[at : at + len(runner)]) == runner:
            at += len(runner)
            while at < len(argv) - 1 and argv[at].startswith("-"):
                at += 1
    if at >= len(argv):
        return len(argv)
    if not _INTERPRETERS.match(os.path.basename(argv[at])):
        return at + 1
    at += 1
    while at < len(argv) and argv[at].startswith("-"):
        at += 2 if argv[at] in _WITH_VALUE else 1
        if argv[at - 2] in ("-c", "-m", "-e", "--eval"):
            return min(at, len(argv))
    return min(at + 1, len(argv))


def _json_flags(words: "Sequence[str]") -> "Iterator[str]":
    for at, word in enumerate(words):
        if _JSON_FLAGS.match(word):
            yield word
        elif word in _NAMED_FORMATS and "".join(words[at + 1 : at + 2]) in _FORMATS:
            yield word
            yield words[at + 1]


def _sources(prefix: "Sequence[str]") -> "Iterator[str]":
    """Yield the program's own source, and that of the module that its script starts."""
    path = next((word for word in prefix if word.endswith(".py")), None)
    path = path or find_program(prefix[-1])
    text = _text_of(path) if path else ""
    if not text.startswith("#!") and not (path or "").endswith(".py"):
        return
    yield text
    entry = _ENTRY_POINT.search(text)
    interpreter = "".join(text[2:].partition("\n")[0].split()[:1]) if text.startswith("#!") else ""
    if entry is None or not interpreter:
        return
    base = os.path.dirname(os.path.dirname(interpreter))
    package = entry[1].replace(".", "/")
    with suppress(OSError):
        for folder in sorted(os.listdir(f"{base}/lib")):
            for name in (f"{package}.py", f"{package}/__init__.py", f"{package}/cli.py"):
                yield _text_of(f"{base}/lib/{folder}/site-packages/{name}")


def _is_machine_code(program: str) -> bool:
    try:
        with open(find_program(program) or "", "rb") as file:
            return file.read(4) in _MACHINE_CODE
    except OSError:
        return False


def _text_of(path: str) -> str:
    try:
        with open(path, "rb") as file:
            content = file.read(_SOURCE_BYTES)
    except OSError:
        return ""
    return "" if b"\0" in content[:1000] else content.decode("utf-8", "replace")
