"""TLS without a socket: somebody else sends and receives the bytes."""

from __future__ import annotations

import os
import ssl

_READ_BYTES = 65536


class TlsFailed(Exception):  # noqa: N818 - an event of the connection, not a bug
    """The handshake or a record failed."""


class Tls:
    """One connection's TLS, from bytes to bytes.

    Certificates are verified against the system's store, or ``SSL_CERT_FILE``; ``FLOODMARK_TLS_VERIFY=0`` trusts
    any, for a target under test with one it signed itself.
    """

    def __init__(self, host: str) -> None:
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._session = _context().wrap_bio(self._in, self._out, server_hostname=host)

    def shake(self) -> bool:
        """Go on with the handshake; whether it is done. Raises TlsFailed."""
        try:
            self._session.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except (ssl.SSLError, ssl.CertificateError) as error:
            raise TlsFailed(f"TLS: {error}") from error
        return True

    def incoming(self, data: bytes) -> None:
        """Take raw bytes from the peer; none at its end. Raises TlsFailed."""
        if not data:
            raise TlsFailed("TLS: closed in the handshake")
        self._in.write(data)

    def outgoing(self) -> bytes:
        """Raw bytes that are to be sent."""
        return self._out.read()

    def encrypt(self, data: bytes) -> bytes:
        """The raw bytes to send for plain ones. Raises TlsFailed."""
        try:
            self._session.write(data)
        except ssl.SSLError as error:
            raise TlsFailed(f"TLS: {error}") from error
        return self._out.read()

    def decrypt(self, data: bytes) -> tuple[bytes, bool]:
        """The plain bytes so far, and whether the peer has ended the session. Raises TlsFailed."""
        self._in.write(data)
        plain = bytearray()
        try:
            while chunk := self._session.read(_READ_BYTES):
                plain += chunk
        except ssl.SSLWantReadError:
            return bytes(plain), False
        except ssl.SSLZeroReturnError:
            return bytes(plain), True
        except ssl.SSLError as error:
            raise TlsFailed(f"TLS: {error}") from error
        return bytes(plain), True


_contexts: dict[bool, ssl.SSLContext] = {}


def _context() -> ssl.SSLContext:
    verify = os.environ.get("FLOODMARK_TLS_VERIFY", "1") != "0"
    if verify not in _contexts:
        context = _contexts[verify] = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.set_alpn_protocols(["http/1.1"])
        if verify:
            context.load_default_certs()
        else:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
    return _contexts[verify]
