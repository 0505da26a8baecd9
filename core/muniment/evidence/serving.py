"""A witness as a small HTTP server, so that a second department can run one.

It speaks plain HTTP and belongs behind whatever the house uses for TLS.
"""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from muniment.evidence.witness import MAX_REQUEST, Answer, Witness

__all__ = ["witness_server"]

_SILENT_S: Final = 10


def witness_server(witness: Witness, host: str, port: int) -> ThreadingHTTPServer:
    """A server that answers for a witness; ``serve_forever`` runs it.

    ``POST .../add-checkpoint`` is the protocol; ``GET`` of anything gives the witness's verifier key and
    the logs it knows, one a line.

    Args:
        witness: who answers.
        host: the address to listen on.
        port: 0 takes a free one.
    """

    class Handler(BaseHTTPRequestHandler):
        timeout = _SILENT_S
        server_version = "muniment-witness"
        sys_version = ""

        def do_POST(self) -> None:  # the name http.server asks for
            if not self.path.endswith("/add-checkpoint"):
                self._answer(Answer(404, "only add-checkpoint is answered here\n"))
                return
            length = self.headers.get("Content-Length", "")
            if not length.isascii() or not length.isdigit() or int(length) > MAX_REQUEST:
                self._answer(Answer(400, "the length is missing or too large\n"))
                return
            self._answer(witness.add_checkpoint(self.rfile.read(int(length))))

        def do_GET(self) -> None:  # the name http.server asks for
            lines = [witness.key.text, *(f"{origin} {size}" for origin, size in witness.logs())]
            self._answer(Answer(200, "\n".join(lines) + "\n"))

        def _answer(self, answer: Answer) -> None:
            body = answer.body.encode("utf-8")
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.media_type)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing: what is asked stands in the files of the witness."""

    return ThreadingHTTPServer((host, port), Handler)
