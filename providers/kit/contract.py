"""What a network offers and what crosses its door: Provider, Message, Receipt, Grant.

Values only; no Django, no database. What fits into a post stands in `providers.kit.content`. An
optional ability is an optional method (see the protocols at the end): a method that is not written
is an ability that is not offered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

from providers.kit.content import ImageRule as ImageRule
from providers.kit.content import InMemory as InMemory
from providers.kit.content import Kind as Kind
from providers.kit.content import Limits as Limits
from providers.kit.content import Media as Media
from providers.kit.content import Saved as Saved
from providers.kit.content import TextRule as TextRule
from providers.kit.content import Unit as Unit
from providers.kit.content import VideoRule as VideoRule
from providers.kit.http import Wire
from providers.kit.rates import Cap, Meter


class Family(StrEnum):
    """How a network's tokens stay alive; the key to when and how `tokens.refresh` acts."""

    ROTATING = "rotating"  # the refresh token is single use
    REUSABLE = "reusable"  # the refresh token may be used again and again
    SELF_RENEWING = "self_renewing"  # the access token renews itself before it expires
    GRACE = "grace"  # rotating, but a repeat within a while gives the same successor
    NONE = "none"  # nothing to refresh


class Look(StrEnum):
    """By what `find` knows a post: how much its word is worth."""

    MARK = "mark"  # by an id or a mark of ours that the network keeps with the post
    TICKET = "ticket"  # by what an earlier step left behind; where that is gone, by its words
    WORDS = "words"  # among the newest posts of the account, by what they say and carry


@dataclass(frozen=True, slots=True)
class Setting:
    """One environment variable of an adapter; `needed`: without it the network is not set up.

    `practice`: its value on the practice street, where `{street}` is the street's base URL; must
    be written for every setting that otherwise points at the real network.
    """

    name: str
    help: str
    default: str = ""
    needed: bool = False
    secret: bool = False
    practice: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """One blank of the connect form. `default` names a Setting whose value is filled in.

    `practice`: what a person of the practice street types here, `{key}` in a blank of a post stands
    for something that no other post has; `others`: what else somebody may type, where that leads to
    another kind of grant. `again`: what fills it when an account is connected once more. `needed`:
    a post for this network cannot leave it empty. `choices`: the only values, each with its words.
    """

    name: str
    label: str
    help: str = ""
    secret: bool = False
    default: str = ""
    practice: str = ""
    others: tuple[str, ...] = ()
    again: Literal["host", "id"] = "host"
    needed: bool = False
    choices: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Message:
    """One post on one account.

    `key` is a UUID string that stays the same over every attempt; `created_at` is the moment of
    the first attempt and stays the same too. An adapter derives from these two whatever the
    network needs to recognise a repeat (idempotency key, record key). `link` is the page that the
    post is about, for networks that show one apart from the text. `options` are the values of
    `Provider.post_fields`. `reply_to` is the post that this one answers, `root` the first of the
    thread. `saved` holds what earlier steps of this very delivery came to.
    """

    text: str
    key: str
    created_at: datetime
    link: str = ""
    media: tuple[Media, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    reply_to: Receipt | None = None
    root: Receipt | None = None
    saved: Saved = field(default_factory=InMemory, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof that a post stands: the network's id and the link a reader can open."""

    external_id: str
    url: str


@dataclass(frozen=True, slots=True)
class App:
    """Our own credentials at a network or at one instance of it."""

    client_id: str
    client_secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Grant:
    """What a network gave us: tokens and, if it says so, how long the access token lives.

    `host` is the base URL to speak to from now on, if the network names one (Bluesky's PDS).
    `proof_key` is the private key (a JWK as JSON text) that the tokens are bound to (DPoP).
    `family` is this grant's, where it is not its network's. `provisional` says that the network
    gave a short-lived token first: the first refresh exchanges it for the lasting one.
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(default="", repr=False)
    lifetime: timedelta | None = None
    scopes: tuple[str, ...] = ()
    host: str = ""
    proof_key: str = field(default="", repr=False)
    family: Family | None = None
    provisional: bool = False


@dataclass(frozen=True, slots=True)
class Dance:
    """One authorization-code dance: whose app, where, and the secrets that belong to it alone.

    `proof_key`: a private key (a JWK as JSON text) made for this dance; networks without DPoP
    ignore it. `hint`: whom the person said to be, "" if nobody. `memory`: as `depart` gave it.
    """

    app: App
    host: str
    redirect_uri: str
    state: str = field(repr=False)
    verifier: str = field(repr=False)
    proof_key: str = field(default="", repr=False)
    hint: str = ""
    memory: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Departure:
    """Where the person's browser goes, and what `exchange` must know again (kept sealed)."""

    url: str
    memory: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a grant speaks for, as the network tells it."""

    external_id: str
    handle: str
    name: str = ""
    url: str = ""
    avatar_url: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """One account behind a grant that speaks for several (a page, an organisation).

    `access_token` is its own key, where the network gives each account one.
    """

    identity: Identity
    access_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Account:
    """An identity with its key: what an adapter needs to act. `host`: base URL of its instance."""

    external_id: str
    handle: str
    host: str
    access_token: str = field(repr=False)
    proof_key: str = field(default="", repr=False)


class Provider:
    """One network. Subclass it in `providers/<name>.py`; everything else follows from the class.

    `options` holds the values of `settings`, by name, defaults filled in.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    colour: ClassVar[str]
    limits: ClassVar[Limits]
    family: ClassVar[Family] = Family.NONE
    settings: ClassVar[tuple[Setting, ...]] = ()
    fields: ClassVar[tuple[Field, ...]] = ()
    post_fields: ClassVar[tuple[Field, ...]] = ()
    """Blanks that a post for this network has beside its text (a board, a title)."""
    page_fields: ClassVar[tuple[Field, ...]] = ()
    """The blanks before the network's own page, where it connects by form (`fields`) as well."""
    key_in_address: ClassVar[bool] = False
    """Whether the network wants its key in the address itself; give it to the Wire as `secrets`."""
    binds_tokens: ClassVar[bool] = False
    """Whether its dances bind tokens to a key of ours (DPoP): each gets a fresh one."""
    ids_per_host: ClassVar[bool] = False
    """Whether account ids are unique only within one instance."""
    resend_window: ClassVar[timedelta] = timedelta(0)
    """How long after the first attempt a repeat of the same Message is harmless."""
    renewals_per_minute: ClassVar[int | None] = None
    """How many keys may be renewed ahead of need in a minute, all accounts together, if known."""
    look: ClassVar[Look] = Look.WORDS
    """By what `find` knows a post, where it is offered."""
    settle: ClassVar[timedelta] = timedelta(seconds=60)
    """How far apart two look-ups must lie before "not there" is believed."""
    caps: ClassVar[tuple[Cap, ...]] = ()
    meters: ClassVar[tuple[Meter, ...]] = ()
    """How many posts it takes, and where its answers say what is left; () if that is unknown."""

    def __init__(self, options: Mapping[str, str], wire: Wire) -> None:
        self.options = options
        self.wire = wire

    def missing(self) -> tuple[str, ...]:
        """Names of the needed settings that are empty; any means "not set up"."""
        return tuple(s.name for s in self.settings if s.needed and not self.options.get(s.name))

    def host(self, values: Mapping[str, str]) -> str:
        """The base URL that the connect form's `values` point to; "" where there is only one."""
        return ""

    def hint(self, values: Mapping[str, str]) -> str:
        """Whom the connect form's `values` name to the network's own page; "" if nobody."""
        return ""

    def publish(self, message: Message, account: Account) -> Receipt:
        """Publish once; returns the receipt or raises one of the errors (StillWorking among them).

        A publish of several steps keeps what each came to in `message.saved` as soon as it is
        known, and goes on from there when it is called again (see `providers.kit.steps`). Only the
        step that makes the post visible may end Uncertain; all before it are safe to repeat, so a
        lost answer is Unavailable there. No request outlives the Wire's deadline, and between two
        `keep`s stands one request: the engine's lease is renewed or refused there.
        """
        raise NotImplementedError(f"{type(self).__name__}.publish")


def takes_bare_words(adapter: type[Provider]) -> bool:
    """Whether a post may be a text and nothing else."""
    return not adapter.limits.needs_media and not any(f.needed for f in adapter.post_fields)


def practice_options(adapter: type[Provider], street_url: str) -> dict[str, str]:
    """The values of `adapter.settings` that point it at its twin on the practice street."""
    street = street_url.rstrip("/")
    return {
        s.name: s.practice.replace("{street}", street) if s.practice else s.default
        for s in adapter.settings
    }


def practice_values(adapter: type[Provider], street_url: str) -> dict[str, str]:
    """What a person of the practice street fills into the connect form."""
    options = practice_options(adapter, street_url)
    every = (*adapter.fields, *adapter.page_fields)
    return {f.name: f.practice or options.get(f.default, "") for f in every}


@runtime_checkable
class SignsInByOAuth(Protocol):
    """Connects by the authorization-code dance."""

    def app(self, host: str) -> App | None:
        """Our configured app, or None where it must be registered with `register` first."""

    def depart(self, dance: Dance) -> Departure:
        """Where to send the person's browser."""

    def exchange(self, dance: Dance, params: Mapping[str, str]) -> Grant:
        """Trade the code in `params`, the query that came back, for tokens; once."""

    def identify(self, grant: Grant, host: str) -> Identity:
        """Whom the grant speaks for."""


@runtime_checkable
class Offers(Protocol):
    """One grant speaks for several accounts; the person chooses which to connect."""

    def offers(self, grant: Grant, host: str) -> Sequence[Offer]:
        """The accounts behind a grant, all of them, in the network's order."""


@runtime_checkable
class Registers(Protocol):
    """Needs an app of its own at each instance, made on first use."""

    def register(self, host: str, redirect_uri: str) -> App:
        """Make our app known at `host`."""


@runtime_checkable
class NamesItself(Protocol):
    """Knows our app by the address of a document that this site serves; nothing is registered."""

    def client(self, document: str, redirect_uri: str) -> App | None:
        """Our app, if `document` is where the site serves it; None where that cannot work."""

    def client_metadata(self, app: App, redirect_uri: str) -> Mapping[str, Any]:
        """What the document says; public."""


@runtime_checkable
class SignsInByForm(Protocol):
    """Connects by what a person types (app password, bot token)."""

    def sign_in(self, values: Mapping[str, str]) -> tuple[Grant, Identity]:
        """Check the typed values at the network and bring back the grant."""


class Way(StrEnum):
    """How an account is connected."""

    PAGE = "page"  # the network's own page asks the person
    FORM = "form"  # the person types here


def ways(adapter: Provider | type[Provider]) -> tuple[Way, ...]:
    """How a network can be connected, the better way first."""
    kind = adapter if isinstance(adapter, type) else type(adapter)
    able = ((Way.PAGE, SignsInByOAuth), (Way.FORM, SignsInByForm))
    return tuple(way for way, ability in able if issubclass(kind, ability))


def blanks(adapter: Provider | type[Provider], way: Way) -> tuple[Field, ...]:
    """What a person fills in to connect in this way."""
    both = len(ways(adapter)) > 1
    return adapter.page_fields if both and way is Way.PAGE else adapter.fields


@runtime_checkable
class Refreshes(Protocol):
    """Can make a new grant out of the old one."""

    def refresh(self, *, grant: Grant, app: App | None, host: str) -> Grant:
        """One refresh; Unauthorized means the grant is dead, Unavailable and Uncertain do not."""


@runtime_checkable
class Revokes(Protocol):
    """Can be told that a grant is no longer wanted."""

    def revoke(self, *, grant: Grant, app: App | None, host: str) -> None:
        """End the grant at the network; a grant that has ended already is no error."""


@runtime_checkable
class Deletes(Protocol):
    """Can take a post back."""

    def delete(self, receipt: Receipt, account: Account) -> None:
        """Delete the post at the network; one that is gone already is no error."""


@runtime_checkable
class TellsLimits(Protocol):
    """Its limits differ from host to host or account to account, and it tells them."""

    def limits_now(self, account: Account) -> Limits:
        """What fits into one post of this account, as the network says now."""


@runtime_checkable
class Finds(Protocol):
    """Can look whether a post whose answer was lost did arrive."""

    def find(self, message: Message, account: Account) -> Receipt | None:
        """The receipt if the post stands at the network, None if it is not (yet) seen there."""
