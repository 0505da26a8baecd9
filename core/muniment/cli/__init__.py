"""The command line: click commands, a module for each noun, loaded when one is called."""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Run the command ``muniment``; ends the process with its exit code."""
    from muniment.cli.app import app

    app.main()
