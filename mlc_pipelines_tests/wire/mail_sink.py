"""A small real mail server on loopback that keeps what is handed in and can be told to misbehave."""

import base64
import ssl
import threading
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class MailSink:
    """Takes every letter, unless `replies` says what a command is answered; `drop` hangs up at a command instead."""

    def __init__(self, tls: ssl.SSLContext | None = None, *, implicit: bool = False, login: str | None = None) -> None:
        self.tls, self.implicit, self.login = tls, implicit, login
        self.letters: list[EmailMessage] = []
        self.envelopes: list[tuple[str, list[str]]] = []
        self.commands: list[str] = []
        self.replies: dict[str, str] = {}
        self.drop: str | None = None
        self.let_go = threading.Event()
        self.hang: str | None = None
        self._server = _Listener(("127.0.0.1", 0), _handler(self))
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        """The address as the settings write it."""
        return f"smtp://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.let_go.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def certificate(folder: Path, *, host: str = "127.0.0.1") -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server side with a certificate of its own making, and a client side that trusts it alone."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public, both = folder / "public.pem", folder / "both.pem"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    both.write_bytes(private + public.read_bytes())
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(both)
    return server, ssl.create_default_context(cafile=str(public))


class _Listener(ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


def _handler(sink: MailSink) -> type[StreamRequestHandler]:
    class Handler(StreamRequestHandler):
        timeout = 5

        def setup(self) -> None:
            if sink.implicit and sink.tls is not None:
                self.request = sink.tls.wrap_socket(self.request, server_side=True, do_handshake_on_connect=False)
            super().setup()

        def handle(self) -> None:
            self.encrypted, self.sender, self.to = sink.implicit, "", list[str]()
            try:
                self._talk()
            except OSError:
                return

        def _talk(self) -> None:
            self._say(sink.replies.get("CONNECT", "220 sink"))
            while line := self.rfile.readline():
                text = line.decode().strip()
                verb = text.split(":")[0].split(" ")[0].upper()
                sink.commands.append(verb)
                if verb == sink.drop:
                    return
                if verb == sink.hang:
                    sink.let_go.wait(5)
                    return
                if verb in sink.replies:
                    self._say(sink.replies[verb])
                elif not self._answer(verb, text):
                    return

        def _answer(self, verb: str, text: str) -> bool:
            if verb == "EHLO":
                offers = ["sink"]
                offers += ["STARTTLS"] if sink.tls is not None and not self.encrypted else []
                offers += ["AUTH PLAIN"] if sink.login else []
                lines = [f"250{'-' if offer is not offers[-1] else ' '}{offer}" for offer in offers]
                self._say("\r\n".join(lines))
            elif verb == "STARTTLS" and sink.tls is not None:
                self._say("220 go ahead")
                self.connection = sink.tls.wrap_socket(self.connection, server_side=True)
                self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", buffering=0)
                self.encrypted = True
            elif verb == "AUTH":
                good = base64.b64decode(text.rsplit(maxsplit=1)[-1]).decode() == f"\0{sink.login}"
                self._say("235 welcome" if good else "535 no such user or secret")
            elif verb == "MAIL":
                self.sender, self.to = text[10:].split(maxsplit=1)[0].strip("<>"), []
                self._say("250 ok")
            elif verb == "RCPT":
                self.to.append(text[8:].split(maxsplit=1)[0].strip("<>"))
                self._say("250 ok")
            elif verb == "DATA":
                self._take()
            else:
                self._say("221 bye" if verb == "QUIT" else "250 ok")
            return verb != "QUIT"

        def _take(self) -> None:
            self._say("354 go on")
            lines = []
            while (line := self.rfile.readline()) not in (b".\r\n", b""):
                lines.append(line[1:] if line.startswith(b".") else line)
            if sink.drop == "END":
                raise ConnectionError
            letter = message_from_bytes(b"".join(lines), policy=policy.default)
            assert isinstance(letter, EmailMessage)
            sink.letters.append(letter)
            sink.envelopes.append((self.sender, self.to))
            self._say("250 taken")

        def _say(self, text: str) -> None:
            self.wfile.write(text.encode() + b"\r\n")

        def finish(self) -> None:
            for each in (self.rfile, self.wfile, self.connection):
                each.close()

    return Handler
