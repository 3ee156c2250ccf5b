"""`sens …`: one sub-command a deployable or task."""

from sens.cli.app import main

__all__ = ["main"]
