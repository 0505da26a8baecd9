"""Counts and durations of requests by route, in the text form that Prometheus reads (version 0.0.4)."""

from __future__ import annotations

from collections import Counter
from threading import Lock

__all__ = ["Figures"]


class Figures:
    """Counts requests; by route and status, never by path, so nobody is named in them."""

    def __init__(self) -> None:
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._seconds: Counter[str] = Counter()
        self._lock = Lock()

    def add(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        with self._lock:
            self._requests[(method, route, status)] += 1
            self._seconds[route] += seconds  # type: ignore[assignment]  # a Counter adds floats as well

    def text(self, *, signed_in: int, log_size: int) -> str:
        """All figures."""
        with self._lock:
            requests, seconds = dict(self._requests), dict(self._seconds)
        lines = ["# TYPE muniment_requests_total counter"]
        lines += [
            f'muniment_requests_total{{method="{method}",route="{route}",status="{status}"}} {count}'
            for (method, route, status), count in sorted(requests.items())
        ]
        lines.append("# TYPE muniment_request_seconds_total counter")
        lines += [
            f'muniment_request_seconds_total{{route="{route}"}} {total:.6f}'
            for route, total in sorted(seconds.items())
        ]
        lines += [
            "# TYPE muniment_signed_in gauge",
            f"muniment_signed_in {signed_in}",
            "# TYPE muniment_log_entries gauge",
            f"muniment_log_entries {log_size}",
        ]
        return "\n".join(lines) + "\n"
