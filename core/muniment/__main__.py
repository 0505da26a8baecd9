"""``python -m muniment`` is the command ``muniment``."""

from __future__ import annotations

from muniment.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    main()
