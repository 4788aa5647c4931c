"""Run the `sqlite-utils` CLI, as it is installed, with every call recorded.

Nothing of sqlite-utils is changed: its stdout, stderr and exit codes stay what they were.
"""

from importlib.metadata import version

from sqlite_utils.cli import cli

from tooltrail.integrations.click import instrument

if __name__ == "__main__":
    instrument(cli, tool="sqlite-utils", version=version("sqlite-utils"))
    cli(prog_name="sqlite-utils")
