"""A small web site with a login, for locustfiles of every kind.

``python -m tests.support.site PORT NAME``; prints ``ready`` when it listens. Each page says NAME and its path.
``/protected...`` needs the cookie that ``/login`` sets, ``/missing...`` is never there, ``/echo`` repeats the request's
headers as JSON, and ``/counts`` says how often each path was asked for, as JSON.
"""

from __future__ import annotations

import json
import sys
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

counts: Counter[str] = Counter()
counting = threading.Lock()


class Page(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer in one piece
    name = ""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/counts":
            self._answer(200, json.dumps(counts))
            return
        with counting:
            counts[path] += 1
        if path == "/echo":
            self._answer(200, json.dumps(dict(self.headers)))
        elif path.startswith("/missing"):
            self._answer(404, "nothing here")
        elif path.startswith("/protected") and "session=" not in self.headers.get("Cookie", ""):
            self._answer(401, "who are you?")
        else:
            self._answer(200, f"{self.name} {path}")

    def do_POST(self) -> None:
        with counting:
            counts[self.path] += 1
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        if self.headers.get("Content-Type") == "application/json":
            user = json.loads(body).get("username")
        else:
            user = parse_qs(body).get("username", [None])[0]
        if self.path == "/login" and user:
            self._answer(200, json.dumps({"message": f"Welcome {user}!"}), {"Set-Cookie": f"session={user}; Path=/"})
        else:
            self._answer(400, "no username")

    def _answer(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
        body = text.encode()
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


class Server(ThreadingHTTPServer):
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """A client is gone."""


if __name__ == "__main__":
    Page.name = sys.argv[2]
    server = Server(("127.0.0.1", int(sys.argv[1])), Page)
    print("ready", flush=True)
    server.serve_forever()
