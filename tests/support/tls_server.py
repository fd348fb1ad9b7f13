"""An HTTPS server that says in each answer which connection it came on, and which request on it that was.

``python -m tests.support.tls_server PORT CERTIFICATE_AND_KEY``; prints ``ready`` when it listens. ``/large`` has a
body of a megabyte; ``/end`` ends with the connection; after ``/last`` the server closes without a word.
"""

from __future__ import annotations

import contextlib
import itertools
import socketserver
import ssl
import sys

LARGE = b"x" * 1_000_000


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, certificate: str) -> None:
        super().__init__(("127.0.0.1", port), Connection)
        self.numbers = itertools.count(1)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate)


class Connection(socketserver.BaseRequestHandler):
    server: Server

    def handle(self) -> None:
        number = next(self.server.numbers)
        with contextlib.suppress(OSError), self.server.context.wrap_socket(self.request, server_side=True) as wrapped:
            stream = wrapped.makefile("rwb")
            for request in itertools.count(1):
                path = stream.readline().split(b" ")[1:2]
                while stream.readline().strip():
                    pass
                if not path:
                    return
                body = LARGE if path == [b"/large"] else b"connection %d request %d" % (number, request)
                length = b"" if path == [b"/end"] else b"Content-Length: %d\r\n" % len(body)
                stream.write(b"HTTP/1.1 200 OK\r\n%s\r\n%s" % (length, body))
                stream.flush()
                if path in ([b"/end"], [b"/last"]):
                    return


if __name__ == "__main__":
    with Server(int(sys.argv[1]), sys.argv[2]) as server:
        print("ready", flush=True)
        server.serve_forever()
