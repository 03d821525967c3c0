"""Whoever owns the accounts: connects one again when the site says so, and watches posts go on."""

from __future__ import annotations

import threading

from django.db import Error, close_old_connections

import providers
from providers.kit.contract import practice_values
from tests.chaos.browser import AwayError, Browser
from tests.chaos.feed import Account
from tokens.models import SocialAccount
from tokens.states import AccountState

EVERY_S = 1.5
USUAL = "ada"  # whom the practice values name


class Owner:
    """Looks at the accounts of all teams again and again, as the one or the other's owner."""

    def __init__(self, browsers: list[Browser], street: str, accounts: list[Account]) -> None:
        self.browsers, self.street = browsers, street
        self.accounts = {account.pk: account for account in accounts}
        self.connected_again = 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self.thread.start()

    def stop(self) -> None:
        """No more."""
        self.over.set()
        self.thread.join(30)

    def _watch(self) -> None:
        asked = set[int]()
        while not self.over.wait(EVERY_S):
            try:
                ended = set(
                    SocialAccount.objects.filter(state=AccountState.RECONNECT).values_list(
                        "pk", flat=True
                    )
                )
                self.connected_again += len(asked - ended)
                asked &= ended
                for pk in ended & self.accounts.keys():
                    asked.add(pk)
                    self._connect(self.accounts[pk])
            except (Error, AwayError):
                continue
            finally:
                close_old_connections()

    def _connect(self, account: Account) -> None:
        values = practice_values(providers.adapter(account.network), self.street)
        mine = {name: value.replace(USUAL, account.person) for name, value in values.items()}
        browser = self.browsers[account.team]
        browser.connect(account.network, mine, account.person, self.street)
