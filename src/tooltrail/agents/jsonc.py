"""Read JSON with comments and trailing commas, and change it where it stands.

Settings files are people's own: parsing one and writing it anew would lose comments, the order of
keys and the way it is laid out. So each value here knows where in the text it stands, and a change
is a splice of the text around it.
"""

import json
from dataclasses import dataclass, field

OBJECT, ARRAY, SCALAR = "object", "array", "scalar"
_MAX_DEPTH = 200
_SPACE = " \t\r\n"
_CLOSING = {"{": "}", "[": "]"}


class SyntaxProblem(Exception):
    """The text is not JSON, even with comments: what is wrong, and in which line."""


@dataclass
class Child:
    """An item of an array or a member of an object, with the place of the comma after it."""

    start: int  # of the key, in an object
    node: "Node"
    key: str | None = None
    comma: int | None = None


@dataclass
class Node:
    """A value and where it stands: `text[start:end]`."""

    kind: str
    start: int
    end: int = 0
    value: object = None  # of a scalar
    children: list[Child] = field(default_factory=list)

    def get(self, key: str) -> "Node | None":
        """Return a member of an object; of two with this name, the last one counts."""
        found = [child.node for child in self.children if child.key == key]
        return found[-1] if found else None

    def plain(self) -> object:
        """Return the value without places."""
        if self.kind == OBJECT:
            return {str(child.key): child.node.plain() for child in self.children}
        if self.kind == ARRAY:
            return [child.node.plain() for child in self.children]
        return self.value


def parse(text: str) -> Node:
    """Return the value that a text holds. Raises `SyntaxProblem`."""
    parser = _Parser(text)
    start = parser.skip(1 if text.startswith("\ufeff") else 0)
    node = parser.value(start, 0)
    if parser.skip(node.end) != len(text):
        raise parser.problem(parser.skip(node.end), "something follows the value")
    return node


class _Parser:
    """Reads values from places in a text; each method returns where it came to, or a node."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.scalar = json.JSONDecoder().raw_decode

    def problem(self, at: int, words: str) -> SyntaxProblem:
        """Return the error that something is wrong at a place."""
        return SyntaxProblem(f"line {self.text.count(chr(10), 0, at) + 1}: {words}")

    def skip(self, at: int) -> int:
        """Return where the next token is, after white space and comments."""
        text = self.text
        while at < len(text):
            if text[at] in _SPACE:
                at += 1
            elif text.startswith("//", at):
                end = text.find("\n", at)
                at = len(text) if end < 0 else end
            elif text.startswith("/*", at):
                end = text.find("*/", at + 2)
                if end < 0:
                    raise self.problem(at, "a comment without an end")
                at = end + 2
            else:
                break
        return at

    def value(self, at: int, depth: int) -> Node:
        """Return the value that begins at a place."""
        if depth > _MAX_DEPTH:
            raise self.problem(at, "nested too deeply")
        char = self.text[at : at + 1]
        if char in _CLOSING and char:
            return self.container(at, char, depth)
        try:
            value, end = self.scalar(self.text, at)
        except (ValueError, RecursionError):
            words = "a value is missing" if not char or char in ",}]" else "no JSON value"
            raise self.problem(at, words) from None
        return Node(SCALAR, at, end, value)

    def container(self, at: int, opening: str, depth: int) -> Node:
        """Return the object or array that begins at a place."""
        node = Node(OBJECT if opening == "{" else ARRAY, at)
        closing = _CLOSING[opening]
        place = self.skip(at + 1)
        while self.text[place : place + 1] != closing:
            if node.children and node.children[-1].comma is None:
                raise self.problem(place, f"a comma or {closing} is missing")
            child = self.child(place, node.kind, depth)
            node.children.append(child)
            place = self.skip(child.node.end)
            if self.text[place : place + 1] == ",":
                child.comma = place
                place = self.skip(place + 1)
        node.end = place + 1
        return node

    def child(self, at: int, kind: str, depth: int) -> Child:
        """Return the item or member that begins at a place; its comma is the caller's."""
        if kind == ARRAY:
            return Child(at, self.value(at, depth + 1))
        key = self.value(at, depth + 1) if self.text[at : at + 1] == '"' else None
        if key is None:
            raise self.problem(at, "a name in quotes is missing")
        colon = self.skip(key.end)
        if self.text[colon : colon + 1] != ":":
            raise self.problem(colon, "a colon is missing")
        return Child(at, self.value(self.skip(colon + 1), depth + 1), str(key.value))


def add(text: str, container: Node, value: object, key: str | None = None) -> str:
    """Return the text with a value added at the end of an array, or of an object under `key`."""
    layout = _Layout(text)
    inside = text[container.start + 1 : container.end - 1]
    flat = bool(container.children) and "\n" not in inside
    depth = layout.depth_at(container.start)
    body = json.dumps(value, ensure_ascii=False, indent=None if flat else layout.unit)
    if key is not None:
        body = f"{json.dumps(key)}: {body}"
    body = body.replace("\n", layout.newline + depth + layout.unit)
    last = container.children[-1] if container.children else None
    if flat and last is not None:
        at = last.node.end if last.comma is None else last.comma + 1
        return text[:at] + (", " if last.comma is None else " ") + body + text[at:]
    # After what stands last inside, comments included, and before the white space that follows it.
    at = container.start + 1 + len(inside.rstrip(_SPACE))
    lead = layout.newline + depth + layout.unit
    tail = text[at : container.end - 1] if "\n" in text[at : container.end - 1] else ""
    after = text[container.end - 1 :]
    if last is None:
        return text[:at] + lead + body + (tail or layout.newline + depth) + after
    if last.comma is not None:
        return text[:at] + lead + body + "," + (tail or layout.newline + depth) + after
    end = last.node.end
    return text[:end] + "," + text[end:at] + lead + body + (tail or layout.newline + depth) + after


def replace(text: str, node: Node, value: object) -> str:
    """Return the text with another scalar in the place of a node."""
    return text[: node.start] + json.dumps(value, ensure_ascii=False) + text[node.end :]


def remove(text: str, container: Node, index: int) -> str:
    """Return the text without one item or member; comments around it stay."""
    child = container.children[index]
    start, end = _span(text, child)
    if child.comma is not None and child.comma >= end:  # a comment stands before it
        text = text[: child.comma] + " " + text[child.comma + 1 :]
    text = text[:start] + text[end:]
    before = container.children[index - 1] if index else None
    if child.comma is None and before is not None and before.comma is not None:
        text = text[: before.comma] + text[before.comma + 1 :]
    if len(container.children) > 1:
        return text
    closing = container.end - 1 - (end - start)
    inside = text[container.start + 1 : closing]
    return text if inside.strip(_SPACE) else text[: container.start + 1] + text[closing:]


def stands_alone(text: str, container: Node) -> bool:
    """Tell whether a container holds one child and, beside it and its comma, not even a comment."""
    if len(container.children) != 1:
        return False
    (child,) = container.children
    around = text[container.start + 1 : child.start] + text[child.node.end : container.end - 1]
    return not around.strip(_SPACE + ",")


def is_bare(text: str, container: Node, index: int) -> bool:
    """Tell whether no comment stands between a member's name and its value."""
    child = container.children[index]
    within = text[child.start : child.node.start]
    return "//" not in within and "/*" not in within


def _span(text: str, child: Child) -> tuple[int, int]:
    """Return what is to go with a child: its comma, and its lines where it has them alone."""
    start, end = child.start, child.node.end if child.comma is None else child.comma + 1
    if child.comma is not None and text[child.node.end : child.comma].strip(_SPACE):
        end = child.node.end  # a comment stands before the comma
    line = len(text[:start].rstrip(" \t"))
    after = len(text) - len(text[end:].lstrip(" \t"))
    if text[:line].endswith("\n") or not line:
        newline = text[after : after + 2]
        if newline == "\r\n":
            return line, after + 2
        if newline.startswith("\n"):
            return line, after + 1
        return start, after
    return (start, after) if child.comma is not None else (line, end)


class _Layout:
    """How a text is laid out: its line ends and its indentation."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.newline = "\r\n" if "\r\n" in text else "\n"
        self.unit = self._unit()

    def _unit(self) -> str:
        for line in self.text.split("\n"):
            indent = line[: len(line) - len(line.lstrip(" \t"))]
            if indent and line[len(indent) : len(indent) + 1] in tuple('"{['):
                return indent
        return "  "

    def depth_at(self, at: int) -> str:
        """Return the indentation of the line that a place is in."""
        start = self.text.rfind("\n", 0, at) + 1
        line = self.text[start:at].removeprefix("\ufeff")
        return line[: len(line) - len(line.lstrip(" \t"))]
