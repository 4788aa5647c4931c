"""Subclasses of a framework's classes, to which objects that exist already can be moved.

An object can be given another class only where both lay it out alike. A subclass with a second
base may not (below `abc.ABC`, for one, it does not), so the methods that record are not inherited
but put into the subclass itself, and their `super()` is bound to it; `dataclasses` does the same
for its classes with slots.
"""

from types import CellType, FunctionType
from typing import Any


def subclass_with(methods: tuple[type, ...], kind: Any, names: dict[str, Any]) -> type:
    """Return a subclass of `kind` alone, with the methods of these classes and more names.

    It adds nothing to the layout of its objects, and goes by the name of `kind`.
    """
    cell = CellType()
    space: dict[str, Any] = {"__module__": kind.__module__, "__qualname__": kind.__qualname__}
    for owner in methods:
        for name, value in vars(owner).items():
            if isinstance(value, FunctionType):
                space[name] = _bound_to(cell, value)
            elif name.startswith("_tooltrail"):
                space[name] = value
    made: type = type(kind)(kind.__name__, (kind,), {**space, **names, "__slots__": ()})
    cell.cell_contents = made
    return made


def _bound_to(cell: CellType, function: FunctionType) -> FunctionType:
    free = function.__code__.co_freevars
    if "__class__" not in free or function.__closure__ is None:
        return function
    closure = tuple(
        cell if name == "__class__" else old
        for name, old in zip(free, function.__closure__, strict=True)
    )
    bound = FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, closure
    )
    bound.__kwdefaults__, bound.__doc__ = function.__kwdefaults__, function.__doc__
    return bound
