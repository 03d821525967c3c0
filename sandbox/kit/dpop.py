"""Proofs as a server checks them: form, signature, method, address, age, nonce, token, no repeat.

RFC 9449, section 4.3 (the checks) and sections 8 and 9 (nonces); networks.md of 2026-11-21,
section 13b, steps 7 and 8 (a nonce is mandatory and lives up to 3 minutes).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from binascii import Error as NotBase64
from typing import Any

from sandbox.kit.curve import verifies
from sandbox.kit.network import Request
from sandbox.kit.store import Document

NONCE_S = 60
OLDEST_NONCE = 2
AGE_S = 180


class ProofError(Exception):
    """A proof is not good; `wants_nonce`: only because it does not hold the nonce asked for."""

    def __init__(self, words: str, *, wants_nonce: bool = False) -> None:
        super().__init__(words)
        self.words = words
        self.wants_nonce = wants_nonce


class Nonces:
    """Nonces that follow from the minute and a secret of this process; three are good at a time."""

    def __init__(self) -> None:
        self.secret = secrets.token_bytes(32)

    def at(self, moment: float, ago: int = 0) -> str:
        """The nonce of a moment."""
        window = str(int(moment // NONCE_S) - ago).encode()
        return encoded(hmac.digest(self.secret, window, "sha256"))

    def good(self, nonce: object, moment: float) -> bool:
        """Whether this nonce was given out lately."""
        return nonce in {self.at(moment, ago) for ago in range(OLDEST_NONCE + 1)}


def check(request: Request, nonces: Nonces, access_token: str = "") -> tuple[str, str]:
    """The thumbprint of the key that made the request's proof, and the proof's id; or ProofError.

    That the id is new is for the caller to find out, who has a memory.
    """
    proof = request.headers.get("dpop", "")
    if not proof:
        raise ProofError("DPoP proof required")
    header, claims = taken_apart(proof)
    key = header.get("jwk")
    if header.get("typ") != "dpop+jwt" or header.get("alg") != "ES256" or not isinstance(key, dict):
        raise ProofError("DPoP proof has the wrong header")
    if "d" in key or not signed_by(key, proof):
        raise ProofError("DPoP proof is not signed by its key")
    if claims.get("htm") != request.method or claims.get("htu") != request.base + request.path:
        raise ProofError("DPoP proof is for another request")
    made_at = claims.get("iat")
    if not isinstance(made_at, int) or abs(request.at - made_at) > AGE_S or not claims.get("jti"):
        raise ProofError("DPoP proof is too old or has no jti")
    if not nonces.good(claims.get("nonce"), request.at):
        raise ProofError("DPoP proof needs another nonce", wants_nonce=True)
    expected = encoded(hashlib.sha256(access_token.encode()).digest()) if access_token else None
    if claims.get("ath") != expected:
        raise ProofError("DPoP proof is for another token")
    return thumbprint(key), str(claims["jti"])


def taken_apart(proof: str) -> tuple[Document, Document]:
    """Header and claims of a JWT, unverified."""
    try:
        header, claims, _ = (decoded(part) for part in proof.split("."))
        found: list[Any] = [json.loads(header), json.loads(claims)]
    except (ValueError, NotBase64):
        raise ProofError("DPoP proof is no JWT") from None
    if not all(isinstance(part, dict) for part in found):
        raise ProofError("DPoP proof is no JWT")
    return found[0], found[1]


def signed_by(key: Document, proof: str) -> bool:
    """Whether this key has signed the JWT."""
    head, _, signature = proof.rpartition(".")
    try:
        x, y = (int.from_bytes(decoded(str(key.get(name, ""))), "big") for name in "xy")
        fine = key.get("kty") == "EC" and key.get("crv") == "P-256"
        return fine and verifies(x, y, head.encode(), decoded(signature))
    except (ValueError, NotBase64):
        return False


def thumbprint(key: Document) -> str:
    """The name of a public key (RFC 7638)."""
    whole = {name: key[name] for name in ("crv", "kty", *"xy")}
    return encoded(hashlib.sha256(json.dumps(whole, separators=(",", ":")).encode()).digest())


def encoded(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """The bytes of base64url without padding."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
