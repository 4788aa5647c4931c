"""tooltrail: the flight recorder for command-line tools that AI agents drive.

The names below are imported when first used: `import tooltrail` itself costs
next to nothing.
"""

__version__ = "0.1.0"

_HOMES = {
    "CallFailedError": "calling.result",
    "CommandError": "errors",
    "Invocation": "_invocation",
    "NotRecordedError": "errors",
    "Result": "calling.result",
    "Session": "calling.session",
    "TooltrailError": "errors",
    "arun": "calling.arun",
    "current": "_invocation",
    "get_audit_log": "calling.traced",
    "invocation": "_block",
    "last_success": "query.previous",
    "mark_cached": "_origin",
    "mark_deduplicated": "_origin",
    "mark_dry_run": "_origin",
    "mark_executed": "_origin",
    "run": "calling.run",
    "step": "_steps",
    "traced_run": "calling.traced",
}
__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'tooltrail' has no attribute {name!r}")
    module = __import__(f"tooltrail.{home}", fromlist=[name])
    value: object = getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
