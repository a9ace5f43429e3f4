"""DKIM signatures (RFC 6376), with RSA or Ed25519 keys (RFC 8463).

Not by a library: dkimpy signs 30 messages a second; apart from the arithmetic, which is left to
`cryptography`, there is little to do. Signatures have no `t=`, so that a message that is sent
again is the same byte for byte.
"""

import re
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from textwrap import wrap

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from tidings.errors import ConfigError
from tidings.mail.settings import DkimSettings

# Of an RSA key; verifiers must not accept a shorter one (RFC 8301).
MIN_BITS = 1024

# Headers that are signed once more than they occur, so that nobody can add another without breaking
# the signature (RFC 6376, 8.15).
OVERSIGNED = ("from", "subject")

_SPACES_AT_END = re.compile(rb"[ \t]+(?=\r\n)")
_SPACES = re.compile(rb"[ \t]{2,}|\t")
_FOLD = re.compile(rb"\r\n(?=[ \t])")


class Signer:
    """Signs messages for one domain, with one key.

    Attributes:
        domain: The signing domain.
        name: The DNS name of the public key.
        record: The TXT record that it has to have.
        bits: Of an RSA key; None for Ed25519.

    Raises:
        ConfigError: The key cannot be read, or is of another kind.
    """

    def __init__(self, settings: DkimSettings) -> None:
        self._key = _read_key(settings.key)
        self._kind = "rsa" if isinstance(self._key, RSAPrivateKey) else "ed25519"
        self._selector = settings.selector
        self.bits = self._key.key_size if isinstance(self._key, RSAPrivateKey) else None
        self.domain = settings.domain
        self.name = f"{settings.selector}._domainkey.{settings.domain}"
        self.public_key = _public_key(self._key)
        self.record = f"v=DKIM1; k={self._kind}; p={self.public_key}"

    def signed(self, content: bytes) -> bytes:
        """Return a message with a signature on top that covers all of its headers."""
        head, _, body = content.partition(b"\r\n\r\n")
        fields = _relaxed_fields(head)
        names = [field.partition(b":")[0].decode() for field in fields]
        unsigned = self._field([*names, *OVERSIGNED], body)
        signature = self._sign(b"\r\n".join([*fields, *_relaxed_fields(unsigned)]))
        lines = "\r\n\t ".join(wrap(b64encode(signature).decode(), 72)).encode()
        return b"".join((unsigned, lines, b"\r\n", content))

    def _field(self, names: Sequence[str], body: bytes) -> bytes:
        """Return the header up to `b=`: the signature is appended, and covers the rest of it."""
        lines = wrap(": ".join(names), 72, break_on_hyphens=False)
        covered = "\r\n\t ".join(lines)
        hashed = b64encode(sha256(_relaxed_body(body)).digest()).decode()
        return (
            f"DKIM-Signature: v=1; a={self._kind}-sha256; c=relaxed/relaxed;\r\n"
            f"\td={self.domain}; s={self._selector};\r\n"
            f"\th={covered};\r\n"
            f"\tbh={hashed};\r\n"
            "\tb="
        ).encode()

    def _sign(self, data: bytes) -> bytes:
        if isinstance(self._key, RSAPrivateKey):
            return self._key.sign(data, PKCS1v15(), SHA256())
        return self._key.sign(sha256(data).digest())  # RFC 8463: the hash is what is signed


def _relaxed_body(body: bytes) -> bytes:
    """Return a body in relaxed canonicalization (RFC 6376, 3.4.4)."""
    # Our encodings hardly leave any such blanks: looking for the byte is faster than the pattern.
    if b" \r\n" in body or b"\t\r\n" in body:
        body = _SPACES_AT_END.sub(b"", body)
    if b"  " in body or b"\t" in body:
        body = _SPACES.sub(b" ", body)
    body = body.rstrip(b"\r\n")
    return body + b"\r\n" if body else b""


def _relaxed_fields(head: bytes) -> list[bytes]:
    """Return headers in relaxed canonicalization (RFC 6376, 3.4.2)."""
    fields = []
    for field in _FOLD.sub(b"", head).split(b"\r\n"):
        name, _, value = field.partition(b":")
        fields.append(name.lower().rstrip() + b":" + _SPACES.sub(b" ", value).strip())
    return fields


def _read_key(pem: str) -> RSAPrivateKey | Ed25519PrivateKey:
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigError("[dkim] key: no private key in PEM, or one with a password") from error
    if isinstance(key, RSAPrivateKey):
        if key.key_size < MIN_BITS:
            raise ConfigError(f"[dkim] key: {key.key_size} bits are too few; 2048 are usual")
        return key
    if isinstance(key, Ed25519PrivateKey):
        return key
    raise ConfigError("[dkim] key: neither an RSA nor an Ed25519 key")


def _public_key(key: RSAPrivateKey | Ed25519PrivateKey) -> str:
    public = key.public_key()
    if isinstance(key, RSAPrivateKey):
        return b64encode(
            public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        ).decode()
    return b64encode(public.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()
