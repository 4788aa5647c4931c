"""Do something right after a module is imported, without importing it: `after_import`.

A finder at the head of `sys.meta_path` that finds nothing itself: for a module that is waited
for it asks the finders behind it, and has our action run once the module's code has run. Loader
and spec stay the ones that the program would have had. Whatever
goes wrong in an action stays in it: the program's import must not fail by us.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

    Action = Callable[[ModuleType], object]


def after_import(name: str, action: "Action") -> None:
    """Call `action(module)` when `name` has been imported: now, where it is already.

    A module that is being imported at this moment counts as imported.
    """
    module = sys.modules.get(name)
    if module is not None:
        _contained(action, module)
        return
    if _waiting not in sys.meta_path:
        sys.meta_path.insert(0, _waiting)
    _waiting.actions.setdefault(name, []).append(action)


def waited_for(
    name: str, path: "Sequence[str] | None", target: "ModuleType | None"
) -> "ModuleSpec | None":
    """Return the spec of a module that is waited for: for a finder that is being asked for it now.

    The import that is under way does not come to a finder that was put before the one it is at.
    """
    return _waiting.find_spec(name, path, target)


class _Waiting:
    """The finder: knows which modules are waited for, and by whom."""

    def __init__(self) -> None:
        self.actions: dict[str, list[Action]] = {}

    def find_spec(
        self,
        name: str,
        path: "Sequence[str] | None" = None,
        target: "ModuleType | None" = None,
    ) -> "ModuleSpec | None":
        """Return the spec of a module that is waited for, as the others find it; else None."""
        if name not in self.actions:
            return None
        spec = self._found_by_others(name, path, target)
        if spec is not None and spec.loader is not None:
            _arm(spec, self._act)
        return spec

    def _found_by_others(
        self, name: str, path: "Sequence[str] | None", target: "ModuleType | None"
    ) -> "ModuleSpec | None":
        for finder in list(sys.meta_path):
            find = getattr(finder, "find_spec", None)
            if finder is not self and find is not None:
                spec: ModuleSpec | None = find(name, path, target)
                if spec is not None:
                    return spec
        return None

    def _act(self, module: "ModuleType") -> None:
        for action in self.actions.pop(module.__name__, ()):
            _contained(action, module)
        if not self.actions and self in sys.meta_path:
            sys.meta_path.remove(self)


def _arm(spec: "ModuleSpec", act: "Callable[[ModuleType], None]") -> None:
    """Have `act` run once when the module's code has run.

    An import marks the spec while that code runs, and that is watched: a frame of ours below the
    code would be the caller that its warnings name, and would stand in its tracebacks. Only where
    somebody else runs the loader (one that waits for the first use, say) is the loader wrapped.
    """
    kind: Any = type(spec)
    loader: Any = spec.loader
    done: list[bool] = []

    def disarm() -> None:
        if not isinstance(loader, type):
            vars(loader).pop("exec_module", None)

    def exec_module(module: "ModuleType") -> None:
        disarm()
        loader.exec_module(module)
        finish(module)

    def finish(module: "ModuleType | None") -> None:
        if module is not None and not done:
            done.append(True)
            act(module)

    class Marked(kind):  # type: ignore[misc]
        @property
        def _initializing(self) -> bool:
            return bool(self.__dict__.get("_initializing", False))

        @_initializing.setter
        def _initializing(self, initializing: bool) -> None:
            self.__dict__["_initializing"] = initializing
            if initializing:
                disarm()
            else:
                spec.__class__ = kind
                finish(sys.modules.get(spec.name))

    Marked.__name__, Marked.__qualname__ = kind.__name__, kind.__qualname__
    Marked.__module__ = kind.__module__
    try:
        spec.__class__ = Marked
        # The frozen and built-in importers are classes, and serve all modules.
        if not isinstance(loader, type) and hasattr(loader, "exec_module"):
            loader.exec_module = exec_module
    except (AttributeError, TypeError):  # one that cannot change: this module may stay unseen
        return


def _contained(action: "Action", module: "ModuleType") -> None:
    try:
        action(module)
    except ImportError as error:
        if "tooltrail" not in str(error):  # half of it was removed: as if none of it were there
            _say(module, error)
    except Exception as error:
        _say(module, error)


def _say(module: "ModuleType", error: Exception) -> None:
    try:
        from ._host import say

        say(f"tooltrail: {module.__name__} is not observed: {type(error).__name__}: {error}\n")
    except Exception:
        return  # the tool goes on, whatever is left of us


_waiting = _Waiting()
