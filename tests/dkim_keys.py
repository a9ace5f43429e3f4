"""Keys to sign letters with."""

from functools import cache

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tidings.mail.dkim import Signer
from tidings.mail.settings import DkimSettings


@cache
def key_of(kind):
    """Return a key in PEM: `rsa`, `ed25519`, or `ec`, which is none for DKIM."""
    key = {
        "rsa": lambda: rsa.generate_private_key(65537, 2048),
        "ed25519": ed25519.Ed25519PrivateKey.generate,
        "ec": lambda: ec.generate_private_key(ec.SECP256R1()),
    }[kind]()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def signer_of(kind="rsa", **changes):
    usual = {"domain": "example.org", "selector": "news", "key": key_of(kind)}
    return Signer(DkimSettings(**usual | changes))
