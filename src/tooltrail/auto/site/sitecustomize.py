"""Run by every interpreter that `tooltrail run --instrument` reaches, whatever its version.

It takes its own folder out of `sys.path` again, says that it was here, and
gives way to the `sitecustomize` that the program would have had: that is
imported in its place, or, where there is none, is found missing as ever.
"""

# mypy: ignore-errors

import sys

if __name__ == "sitecustomize":
    _folder = __file__[: -len(__file__.split("/")[-1]) - 1]
    _here = sys.modules.pop(__name__)  # kept alive: Python 2 clears a module that nobody holds
    try:
        import _tooltrail_bootstrap

        sys.path[:] = [entry for entry in sys.path if entry != _folder]
        sys.path_importer_cache.pop(_folder, None)
        _tooltrail_bootstrap.start()
    except Exception:  # the program runs without us
        sys.path[:] = [entry for entry in sys.path if entry != _folder]

    import sitecustomize  # noqa: F401 - the program's own
