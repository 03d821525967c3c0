"""Plays the contract at the real network: publish, look it up, delete it; for an operator.

make live NETWORK=mastodon

It takes the settings of the site from the environment (or `.env`), and beside them, named by the
network, what a person would bring: NETWORK_LIVE_TOKEN (an access token), or the blanks of the
connect form where the network has one (TELEGRAM_LIVE_TOKEN, TELEGRAM_LIVE_CHAT); the blanks that a
post has there (REDDIT_LIVE_SUBREDDIT). It asks before it posts, and never prints a secret.
"""

from __future__ import annotations

import os
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import environ

import providers
from deploy.specimen import NoSpecimenError, specimen
from deploy.surroundings import ROOT
from providers.kit.content import InMemory, Media
from providers.kit.contract import (
    Account,
    Deletes,
    Finds,
    Grant,
    Identity,
    Message,
    Offer,
    Offers,
    Receipt,
    SignsInByForm,
    SignsInByOAuth,
    Way,
    blanks,
)
from providers.kit.errors import NetworkError, StillWorking, Uncertain
from providers.kit.http import Wire

WORDS = "Postrider tries its connection, {mark}. This is deleted in a moment."
YES = "yes"
FINE, FAILED, NOT_BEGUN = 0, 1, 2
PATIENCE_S, PAUSE_S, LOOKS = 300.0, 5.0, 6
TRUSTED = "TRUSTED_ORIGINS"


class NotBegunError(Exception):
    """Nothing was sent; the message says why and what to do."""


@dataclass(frozen=True)
class Person:
    """Whoever sits at the screen: reads sentences, types answers, waits."""

    say: Callable[[str], None]
    ask: Callable[[str], str]
    wait: Callable[[float], None]


class Live:
    """One network, with the credentials of the environment `around`."""

    def __init__(self, name: str, around: Mapping[str, str], person: Person) -> None:
        if name not in providers.names():
            known = ", ".join(sorted(providers.names()))
            raise NotBegunError(f"NETWORK must be one of {known}, not {name!r}.")
        self.kind, self.around, self.person = providers.adapter(name), around, person
        options = {s.name: around.get(s.name) or s.default for s in self.kind.settings}
        trusted = frozenset(o.rstrip("/") for o in around.get(TRUSTED, "").split(",") if o)
        self.provider = self.kind(options, Wire(trusted=trusted))
        self.good = True

    def run(self) -> bool:
        """All steps in order; whether everything went well."""
        label = self.kind.label
        self._whole()
        account = self._account()
        plan = list(self._messages())
        self.person.say(f"Signed in at {label} as {account.handle}.")
        self.person.say(
            f"Next, {len(plan)} post{'s' * (len(plan) > 1)} will stand there for all who can see"
            f" this account: {' and '.join(what for what, _ in plan)}."
        )
        if self.person.ask(f"Type {YES} to publish: ").strip() != YES:
            raise NotBegunError("Nothing was published.")
        for what, message in plan:
            self._play(what, message, account)
        return self.good

    # What is needed

    def _named(self, part: str) -> str:
        return f"{self.kind.name}_live_{part}".upper()

    def _given(self, part: str) -> str:
        return self.around.get(self._named(part), "")

    def _whole(self) -> None:
        """Name everything that is missing at once."""
        missing = list(self.provider.missing())
        missing += [self._named(part) for part in self._wanted() if not self._given(part)]
        missing += [
            self._named(field.name)
            for field in self.kind.post_fields
            if field.needed and not self._given(field.name)
        ]
        if missing:
            raise NotBegunError(
                f"{self.kind.label} cannot be tried: set {', '.join(missing)}. Nothing was sent."
            )

    def _wanted(self) -> list[str]:
        """What somebody has to bring to sign in: the blanks of the form, or a token."""
        if not isinstance(self.provider, SignsInByForm):
            return ["token"]
        return [field.name for field in blanks(self.kind, Way.FORM) if not field.default]

    def _values(self, way: Way) -> dict[str, str]:
        options = self.provider.options
        return {
            field.name: self._given(field.name) or options.get(field.default, "")
            for field in blanks(self.kind, way)
        }

    def _account(self) -> Account:
        """Sign in, and say as whom; raises NotBegunError."""
        try:
            grant, offer, host = self._signed_in()
        except (NetworkError, ValueError) as problem:
            words = problem.words if isinstance(problem, NetworkError) else str(problem)
            raise NotBegunError(
                f"{self.kind.label} did not let us in: {words} Nothing was published."
            ) from None
        who, key = offer.identity, offer.access_token or grant.access_token
        return Account(who.external_id, who.handle, grant.host or host, key, grant.proof_key)

    def _signed_in(self) -> tuple[Grant, Offer, str]:
        if isinstance(self.provider, SignsInByForm):
            values = self._values(Way.FORM)
            grant, identity = self.provider.sign_in(values)
            return grant, Offer(identity), self.provider.host(values)
        assert isinstance(self.provider, SignsInByOAuth)  # noqa: S101 - there is no third way
        host = self.provider.host(self._values(Way.PAGE))
        grant = Grant(access_token=self._given("token"))
        if isinstance(self.provider, Offers):
            return grant, self._chosen(list(self.provider.offers(grant, host))), host
        return grant, Offer(self.provider.identify(grant, host)), host

    def _chosen(self, offers: list[Offer]) -> Offer:
        """The account that was named; the only one needs no name."""
        asked, name = self._given("account"), self._named("account")
        for offer in offers:
            if asked in (offer.identity.external_id, offer.identity.handle) or len(offers) == 1:
                return offer
        known = ", ".join(_called(offer.identity) for offer in offers) or "none"
        raise NotBegunError(f"Set {name} to one of these accounts: {known}. Nothing was sent.")

    def _messages(self) -> Iterator[tuple[str, Message]]:
        """A text, and a picture (or what the network wants in its place)."""
        limits = self.kind.limits
        try:
            what, media = specimen(limits, self.around)
        except NoSpecimenError as problem:
            if limits.needs_media:
                raise NotBegunError(f"{self.kind.label}: {problem} Nothing was sent.") from None
            self.person.say(f"Without a picture: {problem}")
            what, media = "", None
        if not limits.needs_media:
            yield "a text", self._message()
        if media is not None:
            yield what, self._message(media)

    def _message(self, *media: Media) -> Message:
        key = str(uuid.uuid4())
        options = {field.name: self._given(field.name) for field in self.kind.post_fields}
        return Message(
            WORDS.format(mark=key[:8]),
            key,
            datetime.now(UTC),
            media=media,
            options={name: value for name, value in options.items() if value},
            saved=InMemory(),
        )

    # What is done

    def _play(self, what: str, message: Message, account: Account) -> None:
        receipt = self._published(what, message, account)
        if receipt is None:
            return
        self.person.say(f"Published {what}: {receipt.url or receipt.external_id}")
        self._looked_up(message, account, receipt)
        self._deleted(receipt, account)

    def _published(self, what: str, message: Message, account: Account) -> Receipt | None:
        """The receipt; None, and said why, if there is none."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            try:
                return self.provider.publish(message, account)
            except StillWorking as problem:
                self.person.say(f"{self.kind.label} is at work: {problem.words}")
                self.person.wait(problem.wait.total_seconds() if problem.wait else PAUSE_S)
            except Uncertain as problem:
                self._fail(f"{what} may stand there or not: {problem.words}")
                return self._found_after_all(message, account)
            except NetworkError as problem:
                self._fail(f"{what} was not published ({problem.outcome}): {problem.words}")
                return None
        self._fail(
            f"{what} was not ready in time; look at {account.handle} whether it stands there"
        )
        return None

    def _found_after_all(self, message: Message, account: Account) -> Receipt | None:
        found = self._find(message, account)
        if found is None:
            self.person.say(f"Look at {account.handle}, and delete it there by hand.")
        return found

    def _looked_up(self, message: Message, account: Account, receipt: Receipt) -> None:
        if not isinstance(self.provider, Finds):
            self.person.say(f"{self.kind.label} offers no look-up.")
            return
        found = self._find(message, account)
        if found is not None and found.external_id == receipt.external_id:
            self.person.say("Looked up: it is there, under the same number.")
        else:
            self._fail("looked up: " + ("another number came back" if found else "not found"))

    def _find(self, message: Message, account: Account) -> Receipt | None:
        """The look-up, several times: listings lag behind."""
        if not isinstance(self.provider, Finds):
            return None
        for look in range(LOOKS):
            if look:
                self.person.wait(PAUSE_S)
            try:
                if found := self.provider.find(message, account):
                    return found
            except NetworkError as problem:
                self.person.say(f"The look-up was not answered: {problem.words}")
        return None

    def _deleted(self, receipt: Receipt, account: Account) -> None:
        place = receipt.url or f"{account.handle}, number {receipt.external_id}"
        if not isinstance(self.provider, Deletes):
            self.person.say(f"{self.kind.label} offers no deleting: delete it there, {place}")
            return
        try:
            self.provider.delete(receipt, account)
        except NetworkError as problem:
            self._fail(f"it was not deleted ({problem.words}); delete it there by hand, {place}")
        else:
            self.person.say("Deleted.")

    def _fail(self, words: str) -> None:
        self.good = False
        self.person.say(f"FAIL: {words}")


def _called(who: Identity) -> str:
    return f"{who.handle} ({who.external_id})"


def live(name: str, around: Mapping[str, str], person: Person) -> int:
    """FINE, FAILED or NOT_BEGUN; whatever happens is told to the person."""
    try:
        good = Live(name, around, person).run()
    except NotBegunError as problem:
        person.say(str(problem))
        return NOT_BEGUN
    person.say("Everything went well." if good else "Not everything went well; see above.")
    return FINE if good else FAILED


def main() -> int:
    """At the screen, with the environment and `.env`."""
    environ.Env.read_env(ROOT / ".env")  # does not overwrite what is set
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    return live(name, os.environ, Person(print, input, time.sleep))


if __name__ == "__main__":
    sys.exit(main())
