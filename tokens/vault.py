"""Encrypt, decrypt, and make keys: the only user of cryptography.

python -m tokens.vault           prints a new entry for TOKEN_KEYS
python -m tokens.vault proof     prints a new private key that proves who signs (a JWK, ES256)

AES-256-GCM (NIST SP 800-38D). A sealed text names its key and is bound to the row and column it
belongs to: copied anywhere else it does not open. TOKEN_KEYS is `id:key[,id:key…]`, each key 32
bytes in URL-safe base64; the first seals, all of them open.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import sys
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

NONCE_BYTES = 12
KEY_BYTES = 32


class CannotOpen(Exception):
    """A sealed text does not open: its key is missing, or it belongs to another row."""


def seal(clear: str, bound_to: str) -> str:
    """`clear` encrypted under the current key as `id.base64`; "" stays ""."""
    if not clear:
        return ""
    key_id = current_key_id()
    key = _keys(settings.TOKEN_KEYS)[key_id]
    nonce = os.urandom(NONCE_BYTES)
    sealed = nonce + key.encrypt(nonce, clear.encode(), f"{key_id}:{bound_to}".encode())
    return f"{key_id}.{base64.urlsafe_b64encode(sealed).decode()}"


def unseal(sealed: str, bound_to: str) -> str:
    """What was sealed for `bound_to`; raises CannotOpen, never returns the sealed text itself."""
    if not sealed:
        return ""
    key_id, _, body = sealed.partition(".")
    key = _keys(settings.TOKEN_KEYS).get(key_id)
    if key is None:
        raise CannotOpen(f"TOKEN_KEYS has no key {key_id!r}, which this account was sealed with.")
    try:
        raw = base64.urlsafe_b64decode(body)
        opened = key.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], f"{key_id}:{bound_to}".encode())
    except (InvalidTag, binascii.Error, ValueError):
        raise CannotOpen("The stored key does not open: it was altered or moved.") from None
    return opened.decode()


def current_key_id() -> str:
    """The id of the key that seals now."""
    return next(iter(_keys(settings.TOKEN_KEYS)))


def new_key(key_id: str = "k1") -> str:
    """A fresh random entry for TOKEN_KEYS."""
    return f"{key_id}:{base64.urlsafe_b64encode(os.urandom(KEY_BYTES)).decode()}"


def new_proof_key() -> str:
    """A fresh private P-256 key as a JWK (RFC 7518, section 6.2) in JSON: one for each dance."""
    pair = ec.generate_private_key(ec.SECP256R1()).private_numbers()
    point = pair.public_numbers
    members = _members(x=point.x, y=point.y, d=pair.private_value)
    return json.dumps({"kty": "EC", "crv": "P-256", **members}, separators=(",", ":"))


def _members(**numbers: int) -> dict[str, str]:
    """Numbers of a JWK: 32 bytes each, in URL-safe base64 without padding."""
    written = {name: number.to_bytes(KEY_BYTES, "big") for name, number in numbers.items()}
    return {n: base64.urlsafe_b64encode(b).rstrip(b"=").decode() for n, b in written.items()}


@lru_cache(maxsize=4)
def _keys(text: str) -> dict[str, AESGCM]:
    keys: dict[str, AESGCM] = {}
    for entry in text.split(","):
        key_id, _, encoded = entry.strip().partition(":")
        try:
            raw = base64.urlsafe_b64decode(encoded)
        except (binascii.Error, ValueError):
            raw = b""
        if not key_id.isalnum() or len(raw) != KEY_BYTES:
            raise ImproperlyConfigured(
                "TOKEN_KEYS must be id:key pairs, each key 32 bytes in URL-safe base64."
            )
        keys[key_id] = AESGCM(raw)
    return keys


if __name__ == "__main__":
    print(new_proof_key() if sys.argv[1:] == ["proof"] else new_key())  # noqa: T201
