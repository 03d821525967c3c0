"""A network in trouble is left alone: its posts wait without using up tries; one probe at a time.

Counted over all workers in Redis, for a network at one host (its line) and for each account there.
So many troubles in a row open the breaker: by two accounts or more that of the line, by one account
alone only its own, so that nobody's odd account stops the others. While it is open one
delivery at a time may try; a success closes it and lets go what waits, a failure doubles the pause.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import timezone

import providers
from posting import results
from posting.models import PostResult, ResultQuerySet
from posting.states import State
from providers.kit.errors import NetworkError, Unavailable, Uncertain, Unexpected
from providers.kit.http import Reply
from providers.kit.rates import Scope
from tokens.models import SocialAccount
from workers.say import moment
from workers.shared import memory, ms, text

OPEN = "breakers"
ASK = """
local wait, due = 0, {0, 0}
for i = 1, 2 do
  local seen = redis.call('HMGET', KEYS[i], 'probe_at', 'lease')
  if seen[1] then
    local till = math.max(tonumber(seen[1]), tonumber(seen[2] or 0))
    if till > now then wait = math.max(wait, till) else due[i] = 1 end
  end
end
if wait > 0 then return {now, wait, 0, 0} end
for i = 1, 2 do
  if due[i] == 1 then redis.call('HSET', KEYS[i], 'lease', now + ARGV[1]) end
end
return {now, 0, due[1], due[2]}
"""
TROUBLE = """
local after, first, cap, draw = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3]), ARGV[4]
local function hit(key, enough)
  local run = redis.call('HINCRBY', key, 'run', 1)
  redis.call('HSET', key, 'words', ARGV[5])
  redis.call('EXPIRE', key, 172800)
  local seen = redis.call('HMGET', key, 'probe_at', 'lease', 'pause')
  local pause = first
  if seen[1] then
    if tonumber(seen[2] or 0) <= now then return tonumber(seen[1]), 0 end
    pause = math.min(cap, seen[3] * 2)
  elseif run < after or not enough then
    return 0, 0
  else
    redis.call('HSET', key, 'since', now)
    redis.call('SADD', KEYS[4], ARGV[key == KEYS[1] and 6 or 7])
  end
  local till = now + math.floor(pause * draw)
  redis.call('HSET', key, 'probe_at', till, 'pause', pause, 'lease', 0)
  return till, 1
end
redis.call('SADD', KEYS[3], ARGV[7])
redis.call('EXPIRE', KEYS[3], 172800)
local line, line_news = hit(KEYS[1], redis.call('SCARD', KEYS[3]) > 1)
local mine, my_news = 0, 0
if line == 0 then mine, my_news = hit(KEYS[2], true) else redis.call('HDEL', KEYS[2], 'lease') end
return {now, math.max(line, mine), line_news, my_news}
"""
WELL = """
local line = redis.call('HEXISTS', KEYS[1], 'probe_at')
local mine = redis.call('HEXISTS', KEYS[2], 'probe_at')
if line == 1 then
  for _, name in ipairs(redis.call('SMEMBERS', KEYS[3])) do
    redis.call('DEL', ARGV[3] .. name)
    redis.call('SREM', KEYS[4], name)
  end
end
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
redis.call('SREM', KEYS[4], ARGV[1], ARGV[2])
return {now, line, mine}
"""
LEAVE = "for i = 1, 2 do redis.call('HDEL', KEYS[i], 'lease') end return now"
VIEW = """
local found = {}
for _, name in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  local seen = redis.call('HMGET', ARGV[1] .. name, 'since', 'probe_at', 'words')
  if seen[1] then found[#found + 1] = {name, seen[1], seen[2], seen[3]}
  else redis.call('SREM', KEYS[1], name) end
end
return found
"""


@dataclass(frozen=True, slots=True)
class Line:
    """A network at one host, as one account speaks to it."""

    provider: str
    label: str
    host: str
    account: int

    @property
    def name(self) -> str:
        """What everybody who speaks to this host shares."""
        return f"{self.provider}@{self.host}"

    @property
    def mine(self) -> str:
        """What this account has for itself."""
        return f"{self.provider}#{self.account}"

    @property
    def keys(self) -> list[str]:
        """Where its breakers live."""
        names = (self.name, self.mine, f"who:{self.name}")
        return [*(f"breaker:{name}" for name in names), OPEN]

    @property
    def results(self) -> ResultQuerySet:
        """What waits for this host."""
        there = SocialAccount.objects.filter(provider=self.provider)
        there = there.filter(token__host=self.host)
        rows = PostResult.objects.filter(provider=self.provider)
        return rows.filter(account_id__in=there.values("pk"))

    @property
    def place(self) -> str:
        """The network's name for people, with the host where there are several."""
        host = urlsplit(self.host).netloc
        return f"{self.label} ({host})" if host else self.label


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an answer has changed: until when the network is left alone, and for whom that is news.

    `known` is False where Redis is away and nobody can tell. `scope`: whose limit was met,
    if one was, and `news`: that nobody had met it before.
    """

    line: Line
    until: datetime | None = None
    opened: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    known: bool = True
    scope: Scope = "account"
    news: bool = False


@dataclass(frozen=True, slots=True)
class Trouble:
    """One open breaker, to be shown: whose, since when, the next try, the network's last words."""

    name: str
    since: datetime
    probe_at: datetime
    words: str

    @property
    def waiting(self) -> ResultQuerySet:
        """What is put off because of it."""
        provider, line, host = self.name.partition("@")
        rows = PostResult.objects.filter(state=State.SCHEDULED, error__in=results.PUT_OFF)
        if line:
            there = SocialAccount.objects.filter(provider=provider, token__host=host)
            return rows.filter(provider=provider, account_id__in=there.values("pk"))
        return rows.filter(account_id=int(self.name.partition("#")[2]))

    @property
    def place(self) -> str:
        """The network's name, with the host or the account if it is not all of it."""
        provider, line, host = self.name.partition("@")
        provider, _, account = provider.partition("#")
        known = providers.ADAPTERS.get(provider)
        label = known.label if known else provider
        if not line:
            return str(SocialAccount.objects.filter(pk=int(account)).first() or label)
        return f"{label} ({urlsplit(host).netloc})" if host else label


def line_of(account: SocialAccount) -> Line:
    """Where an account speaks."""
    host = account.grant.host if account.grant else ""
    return Line(account.provider, account.label, host, account.pk)


def ask(line: Line, at: datetime) -> tuple[datetime | None, tuple[str, ...]]:
    """Until when to leave the network alone, or None; and for which breakers this is the probe."""
    found = memory.ask(ASK, line.keys[:2], [ms(settings.LEASE_S)])
    if found is None:
        return None, ()
    now, till, *due = map(int, found)
    probing = tuple(n for n, is_due in zip((line.name, line.mine), due, strict=True) if is_due)
    return (at + timedelta(milliseconds=till - now) if till else None), probing


def leave(line: Line) -> None:
    """The probe was not made: somebody else may make it."""
    memory.ask(LEAVE, line.keys[:2])


def report(
    line: Line,
    problem: NetworkError | None,
    heard: Sequence[Reply | NetworkError],
    *,
    probing: bool,
) -> Verdict:
    """Count what a call has met; asks Redis alone, `spread` then tells the waiting results."""
    if problem and in_trouble(heard):
        return _troubled(line, problem)
    if heard and not isinstance(problem, Unavailable | Uncertain | Unexpected):
        found = memory.ask(WELL, line.keys, [line.name, line.mine, "postrider:breaker:"])
        flags = zip((line.name, line.mine), (found or (0, 0, 0))[1:], strict=True)
        return Verdict(line, closed=tuple(name for name, was in flags if int(was)))
    if probing:
        leave(line)
    return Verdict(line)


def in_trouble(heard: Sequence[Reply | NetworkError]) -> bool:
    """Whether the network itself failed last: no answer came, or one that says "server error"."""
    if not heard:
        return False
    last = heard[-1]
    if isinstance(last, Reply):
        return last.status >= 500 or last.status == 408
    return isinstance(last, Unavailable | Uncertain)


def spread(verdict: Verdict, at: datetime) -> int:
    """What waits for this line is put off or let go, in order; returns how many results."""
    moved = 0
    for name in verdict.opened:
        if verdict.until:
            rows = _behind(verdict.line, name)
            words = waits(verdict.line, verdict.until)
            moved += results.put_off(rows, at, verdict.until, error=results.TROUBLE, words=words)
    for name in verdict.closed:
        moved += results.bring_forward(_behind(verdict.line, name), at)
    return moved


def hush(line: Line, probing: Sequence[str], at: datetime) -> None:
    """While a probe is under way all others stay where they are, instead of asking in vain."""
    until = at + timedelta(seconds=settings.LEASE_S)
    for name in probing:
        words = waits(line, until)
        results.put_off(_behind(line, name), at, until, error=results.TROUBLE, words=words)


def waits(line: Line, until: datetime) -> str:
    """What a post says that waits for a network in trouble."""
    return (
        f"{line.place} has trouble. This waits and goes on by itself;"
        f" the next try is at {moment(until)}."
    )


def view() -> list[Trouble]:
    """Every breaker that is open; nothing while Redis is away."""
    found = memory.ask(VIEW, [OPEN], ["postrider:breaker:"])
    seen = (list(map(text, row)) for row in found or ())
    return sorted(
        (
            Trouble(name, _moment(since), _moment(probe), words)
            for name, since, probe, words in seen
        ),
        key=lambda trouble: trouble.name,
    )


def _troubled(line: Line, problem: NetworkError) -> Verdict:
    draw = f"{random.uniform(0.9, 1.1):.3f}"  # noqa: S311 - spreads load
    pauses = [ms(settings.BREAKER_FIRST_S), ms(settings.BREAKER_CAP_S), draw]
    args = [settings.BREAKER_AFTER, *pauses, problem.words[:200], line.name, line.mine]
    found = memory.ask(TROUBLE, line.keys, args)
    if found is None:
        return Verdict(line, known=False)
    now, till, *news = map(int, found)
    opened = tuple(n for n, new in zip((line.name, line.mine), news, strict=True) if new)
    until = timezone.now() + timedelta(milliseconds=till - now) if till else None
    return Verdict(line, until, opened)


def _behind(line: Line, name: str) -> ResultQuerySet:
    """The results behind one of a line's two breakers."""
    if name == line.mine:
        return PostResult.objects.filter(account_id=line.account)
    return line.results


def _moment(milliseconds: str) -> datetime:
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)
