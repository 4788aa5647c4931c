"""The names that annotations need, without `typing`, which costs a reading command a tenth.

What a type checker sees is `typing`'s own; at run time they only have to be there.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO as IO
    from typing import Any as Any
    from typing import cast as cast
else:
    Any = object
    IO = list  # something that takes a subscript

    def cast(_kind, value):
        return value
