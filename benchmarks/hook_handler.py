"""What a coding agent's hook costs: `tooltrail hook handle`, against a bare interpreter."""

import json

import _measure
from _measure import Figure, Program, Workshop

TITLE = "hook handler: before and after each command of an agent"

_SESSION = {"session_id": "0d9a6a3e-5f0e-4c57-9a52-3f2f7b6f5e11", "cwd": "/srv/app"}
_CALL = {
    "tool_name": "Bash",
    "tool_input": {"command": "git push origin main", "description": "Push the branch"},
}
_RESPONSE = {"stdout": "x" * 4_000, "stderr": "", "interrupted": False, "isImage": False}


def measure(place: Workshop, rounds: int) -> list[Figure]:
    """Time both events of a command; each round tells of a call that the log does not hold yet."""
    environment = place.environment("hook")
    tooltrail = str(place.bin / "tooltrail")
    bare = Figure("python -c pass")
    before = Figure("hook handle, before a command", peer=bare, at_most=4.0)
    after = Figure("hook handle, after a command", peer=bare, at_most=4.0)
    programs = [Program(bare, [place.python, "-c", "pass"], environment)]
    for figure, event in ((before, "PreToolUse"), (after, "PostToolUse")):
        told = {**_SESSION, **_CALL, "hook_event_name": event, "tool_use_id": "toolu_@"}
        if figure is after:
            told["tool_response"] = _RESPONSE
        file = place.write(f"{event}.json", json.dumps(told))
        # A shell starts the hook, as the agent has it do; it gives each call an id of its own.
        script = f'sed "s/toolu_@/toolu_$$/" {file} | exec {tooltrail} hook handle claude-code'
        programs.append(Program(figure, ["/bin/sh", "-c", script], environment))
    _measure.time_programs(programs, rounds)
    return [bare, before, after]


if __name__ == "__main__":
    _measure.main(TITLE, measure)
