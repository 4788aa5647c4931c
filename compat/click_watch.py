"""A pytest plugin: from its first import on, every command of Click is observed."""

import click.core  # noqa: F401 - the library that is watched

from tooltrail.integrations.click import watch

watch()
