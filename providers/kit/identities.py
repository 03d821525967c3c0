"""AT Protocol identities: from a handle or a server's address to who signs people in there.

atproto.com/specs/handle, /specs/did and /specs/oauth ("Identity Authentication"), RFC 9728
(protected resource metadata), RFC 8414 (authorization server metadata); networks.md of 2026-11-21,
section 13b, steps 1 and 2. Everything here is a GET: nothing is taken, whatever becomes of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from providers.kit.atproto import service_endpoint
from providers.kit.errors import NetworkError, Unavailable, Unexpected
from providers.kit.http import Reply, Wire, base_url, text_in

DID = re.compile(r"did:(?:plc:[a-z2-7]{24}|web:[a-zA-Z0-9.-]+(?:%3A\d{1,5})?)", re.ASCII)
HANDLE = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*", re.ASCII)
BUSY = frozenset({408, 429})


@dataclass(frozen=True, slots=True)
class Issuer:
    """An authorization server: its name and where it is asked what."""

    issuer: str
    authorize: str
    push: str
    trade: str = ""
    revoke: str = ""

    def as_dict(self) -> dict[str, str]:
        """The same, to be remembered."""
        return dict(asdict(self))


@dataclass(frozen=True, slots=True)
class Home:
    """Where somebody signs in: `did` and `pds` are "" as long as only a server is known."""

    issuer: Issuer
    did: str = ""
    pds: str = ""


def is_identity(typed: str) -> bool:
    """Whether this is written like a DID or a handle (which may turn out to be a server's name)."""
    return bool(DID.fullmatch(typed) or HANDLE.fullmatch(typed.lower()))


class Registry:
    """Asks around: `resolver` is a server that resolves handles, `plc` the directory of DIDs."""

    def __init__(self, wire: Wire, resolver: str, plc: str) -> None:
        self.wire = wire
        self.resolver = resolver
        self.plc = plc.rstrip("/")

    def home(self, typed: str) -> Home:
        """The home of a DID or handle; else `typed` is taken for the address of a server."""
        if DID.fullmatch(typed):
            return self.home_of(typed)
        if "://" not in typed and (did := self.did_of(typed.lower())):
            return self.home_of(did)
        try:
            return Home(self.issuer_at(base_url(typed, "Server")))
        except (NetworkError, ValueError) as problem:
            if "://" in typed:
                raise
            words = f"No account and no server called {typed} was found."
            kind = Unavailable if isinstance(problem, Unavailable) else Unexpected
            raise kind(words) from None

    def home_of(self, did: str) -> Home:
        """The server that holds an account, by its DID document, and who signs people in there."""
        pds = self.pds_of(did)
        return Home(self.issuer_at(pds, only=True), did, pds)

    def did_of(self, handle: str) -> str:
        """The DID of a handle: by the resolver, else by the handle's own domain; "" if unknown."""
        if not HANDLE.fullmatch(handle):
            return ""
        asked = f"{self.resolver}/xrpc/com.atproto.identity.resolveHandle"
        reply = self.wire.call("GET", asked, params={"handle": handle})
        if reply.ok and DID.fullmatch(did := text_in(reply.maybe_json(), "did")):
            return did
        if reply.status in BUSY or reply.status >= 500:
            raise reply.troubled()
        try:
            own = self.wire.call("GET", f"https://{handle}/.well-known/atproto-did")
        except NetworkError:  # most domains serve no such page, many are no web site at all
            return ""
        said = own.body[:300].decode("ascii", "replace").strip()
        return said if own.ok and DID.fullmatch(said) else ""

    def pds_of(self, did: str) -> str:
        """The server in a DID document."""
        url = f"{self.plc}/{did}"
        if did.startswith("did:web:"):
            url = f"https://{unquote(did.removeprefix('did:web:'))}/.well-known/did.json"
        document = found(self.wire.call("GET", url), f"The account {did} was not found")
        pds = service_endpoint(document)
        if document.get("id") != did or not pds:
            raise Unexpected(f"The account {did} names no server that holds it.")
        return pds

    def issuer_at(self, server: str, *, only: bool = False) -> Issuer:
        """Who signs people in at a server; `only`: it must be one that holds accounts.

        Otherwise a server without protected-resource metadata is asked whether it is an issuer
        itself, as the one in front of many may be.
        """
        reply = self.wire.call("GET", f"{server}/.well-known/oauth-protected-resource")
        if reply.status == 404 and not only:
            return self.issuer(server)
        about = found(reply, f"{server} offers no sign-in page for apps")
        named = about.get("authorization_servers")
        mine = text_in(about, "resource").rstrip("/") == server
        if not mine or not isinstance(named, list) or len(named) != 1:
            raise Unexpected(f"{server} does not say who signs people in there.")
        return self.issuer(str(named[0]))

    def issuer(self, name: str) -> Issuer:
        """What an authorization server says about itself; its endpoints are its own or https."""
        url = f"{name}/.well-known/oauth-authorization-server"
        about = found(self.wire.call("GET", url), f"{name} offers no sign-in page for apps")
        proofs = about.get("dpop_signing_alg_values_supported")
        if about.get("issuer") != name or not isinstance(proofs, list) or "ES256" not in proofs:
            raise Unexpected(f"{name} signs people in by other rules than the ones we know.")
        return Issuer(
            name,
            authorize=_endpoint(about, "authorization_endpoint", name),
            push=_endpoint(about, "pushed_authorization_request_endpoint", name),
            trade=_endpoint(about, "token_endpoint", name),
            revoke=_endpoint(about, "revocation_endpoint", name, needed=False),
        )


def found(reply: Reply, otherwise: str) -> dict[str, Any]:
    """The object in an answer; a refusal says `otherwise`, trouble says that it is trouble."""
    if reply.ok:
        return reply.json()
    if reply.status in BUSY or reply.status >= 500:
        raise reply.troubled()
    raise Unexpected(f"{otherwise} ({reply.status}).", status=reply.status)


def _endpoint(about: Mapping[str, Any], name: str, issuer: str, *, needed: bool = True) -> str:
    """One address out of the metadata: at the issuer itself, or anywhere with TLS."""
    url = text_in(about, name)
    try:
        parts, home = urlsplit(url), urlsplit(issuer)
        fine = bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        fine = False
    if fine and (parts.scheme == "https" or parts[:2] == home[:2]):
        return url
    if url or needed:
        raise Unexpected(f"{issuer} names no usable {name.replace('_', ' ')}.")
    return ""
