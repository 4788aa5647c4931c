"""Put our hooks into an agent's settings, and take them out again; everything else stays.

All three agents have the same shape of it, from the outside in: an object, in it `hooks`, in it a
list for each event, of groups with a `matcher` and a list of `hooks`, each with a `command`.
"""

import shlex
from dataclasses import dataclass

from ..userfile import Edit, UserFileError, backups, read
from .jsonc import (
    ARRAY,
    OBJECT,
    Node,
    SyntaxProblem,
    add,
    is_bare,
    parse,
    remove,
    replace,
    stands_alone,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

_HOOKS, _COMMAND = "hooks", "command"


@dataclass(frozen=True)
class Hook:
    """One hook of ours: on which event, for which tool, and how long it may take."""

    event: str
    matcher: str | None
    timeout: int  # in the agent's own unit
    more: "tuple[tuple[str, str], ...]" = ()

    def group(self, command: str) -> "dict[str, Any]":
        """Return the group that is added to the event's list."""
        hook = {**dict(self.more), "type": "command", _COMMAND: command, "timeout": self.timeout}
        return {**({"matcher": self.matcher} if self.matcher else {}), _HOOKS: [hook]}


@dataclass
class Found:
    """A hook of ours in a file: its group, its place in it, and its command."""

    event: str
    group: int
    index: int
    command: str
    node: Node


def command_for(agent: str, program: "Sequence[str]") -> str:
    """Return the shell command of the hook.

    Whatever becomes of the program, the agent sees an exit code of 0 and nothing else: a program
    that is gone must not be taken for one that refuses the command.
    """
    return f"{_call(agent, shlex.join(program))} 2>/dev/null || true"


def install(path: str, agent: str, hooks: "Sequence[Hook]", program: "Sequence[str]") -> Edit:
    """Return the edit after which the file holds our hooks, each once. Raises `UserFileError`."""
    before = read(path)
    return Edit(path, before, _installed(path, before, agent, hooks, program))


def uninstall(path: str, agent: str, hooks: "Sequence[Hook]") -> Edit:
    """Return the edit after which the file holds none of our hooks. Raises `UserFileError`.

    Where nothing else has changed since they were installed, that is the text from before, byte
    for byte: an earlier text, or none, that our hooks make into the present one.
    """
    text = read(path)
    if text is None or not text.strip("\ufeff \t\r\n"):
        return Edit(path, text, text)
    found = _ours(_parsed(path, text), agent)
    if not found:
        return Edit(path, text, text)
    call = f" {_call(agent, '').strip()} "
    program = shlex.split(found[0].command.partition(call)[0])
    for earlier in (*backups(path), None):
        try:
            again = _installed(path, earlier, agent, hooks, program)
        except UserFileError:
            continue
        if again == text and again != earlier:
            return Edit(path, text, earlier)
    return Edit(path, text, _without(path, text, agent))


def installed(path: str, agent: str) -> "tuple[object, list[Found]]":
    """Return what a settings file says, and the hooks of ours in it. Raises `UserFileError`."""
    text = read(path)
    if text is None or not text.strip("\ufeff \t\r\n"):
        return None, []
    root = _parsed(path, text)
    return root.plain(), _ours(root, agent)


def _call(agent: str, program: str) -> str:
    return f"{program} hook handle {agent}"


def _installed(
    path: str,
    before: str | None,
    agent: str,
    hooks: "Sequence[Hook]",
    program: "Sequence[str]",
) -> str:
    text, command = before or "", command_for(agent, program)
    if not text.strip("\ufeff \t\r\n"):
        text = ("\ufeff" if text.startswith("\ufeff") else "") + "{}\n"
    for hook in hooks:
        text = _with(path, text, agent, hook, command)
    return text


def _with(path: str, text: str, agent: str, hook: Hook, command: str) -> str:
    """Return the text with one hook of ours: as it is, with its command changed, or added."""
    root = _parsed(path, text)
    there = [found for found in _ours(root, agent) if found.event == hook.event]
    if there:
        for found in reversed(there[1:]):
            text = _taken_out(path, text, found)
        return replace(text, there[0].node, command) if there[0].command != command else text
    group = hook.group(command)
    every = root.get(_HOOKS)
    if every is None:
        return add(text, root, {hook.event: [group]}, _HOOKS)
    groups = every.get(hook.event)
    if groups is None:
        return add(text, every, [group], hook.event)
    return add(text, groups, group)


def _without(path: str, text: str, agent: str) -> str:
    while found := _ours(_parsed(path, text), agent):
        text = _taken_out(path, text, found[-1])
    return text


def _taken_out(path: str, text: str, found: Found) -> str:
    """Return the text without a hook, and without the lists that hold nothing but it."""
    root = _parsed(path, text)
    every = _known(root.get(_HOOKS))
    groups = _known(every.get(found.event))
    hooks = _known(groups.children[found.group].node.get(_HOOKS))
    steps = [
        (hooks, found.index),
        (groups, found.group),
        (every, [child.node for child in every.children].index(groups)),
        (root, [child.node for child in root.children].index(every)),
    ]
    container, index = steps.pop(0)
    while steps and stands_alone(text, container) and is_bare(text, steps[0][0], steps[0][1]):
        container, index = steps.pop(0)
    return remove(text, container, index)


def _ours(root: Node, agent: str) -> list[Found]:
    return [found for found in _every_hook(root) if _is_ours(found.command, agent)]


def _is_ours(command: str, agent: str) -> bool:
    """Tell our command, whatever path it has: it ends as we have it end."""
    call = _call(agent, "")
    program, found, rest = command.partition(call)
    return bool(found) and "tooltrail" in program and rest in ("", " 2>/dev/null || true")


def _every_hook(root: Node) -> "Iterator[Found]":
    every = root.get(_HOOKS)
    for event in every.children if every else ():
        for at, group in enumerate(event.node.children):
            hooks = group.node.get(_HOOKS)
            for index, hook in enumerate(hooks.children if hooks else ()):
                command = hook.node.get(_COMMAND)
                if command is not None and isinstance(command.value, str):
                    yield Found(str(event.key), at, index, command.value, command)


def _parsed(path: str, text: str) -> Node:
    """Return a settings file's value, of the shape that we can work with."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise UserFileError(path, "is not UTF-8; it is left alone") from None
    try:
        root = parse(text)
    except SyntaxProblem as error:
        raise UserFileError(path, f"is not JSON that can be edited: {error}") from error
    _expect(path, "the file", root, OBJECT)
    every = root.get(_HOOKS)
    _expect(path, "`hooks`", every, OBJECT)
    for event in every.children if every else ():
        _expect(path, f"`hooks.{event.key}`", event.node, ARRAY)
        for group in event.node.children:
            if group.node.kind == OBJECT:
                _expect(path, f"`hooks` in `hooks.{event.key}`", group.node.get(_HOOKS), ARRAY)
    return root


def _expect(path: str, name: str, node: Node | None, kind: str) -> None:
    if node is not None and node.kind != kind:
        article = "an" if kind[0] in "ao" else "a"
        raise UserFileError(path, f"{name} is not {article} {kind}; it is left alone")


def _known(node: Node | None) -> Node:
    assert node is not None
    return node
