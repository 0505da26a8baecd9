"""What an auditor takes away: bundles that anybody can check without muniment."""

from __future__ import annotations

from muniment.evidence.bundle import Bundled, Chosen, write_bundle
from muniment.evidence.log_files import LogFiles

__all__ = ["Bundled", "Chosen", "LogFiles", "write_bundle"]
