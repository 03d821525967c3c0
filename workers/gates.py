"""May this request go now? One answer for all workers: yes, or not before a moment.

Three things close a gate, that of one account or that of our whole app at a network: the caps that
the adapter declares, what the network's own answers say is left, and a refusal as too fast. Beside
them stands the bulkhead, which is each process's own.

The memory is Redis (`workers.shared`). When it has been lost the caps are counted anew from the
attempts in the database before anything goes out; while it is away gates are open. What an account
was told to wait is in the database as well (`SocialAccount.blocked_until`) and holds in any case.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Q

import providers
from posting import results
from posting.forecast import caps_of
from posting.models import Attempt, PostResult
from providers.kit.errors import NetworkError, Throttled
from providers.kit.http import Reply
from providers.kit.rates import Cap, Scope, quotas
from tokens.models import SocialAccount
from workers import breaker, say
from workers.breaker import Line, Verdict
from workers.queues import lane_of
from workers.shared import memory, ms, text

PARTS = 20
"""Into so many parts a cap's span is divided: what is counted leaves it part by part."""
READY, COUNTING, SHUT = "gates:ready", "gates:counting", "gates:shut"
ENTER = """
if tonumber(ARGV[1]) > 0 then now = tonumber(ARGV[1]) end
if redis.call('EXISTS', KEYS[1]) == 0 then
  if redis.call('SET', KEYS[2], 1, 'NX', 'PX', 30000) then return {now, -1, '', 0} end
  return {now, now + 500, '', 0}
end
local till, who = 0, ''
local function wait(moment, name)
  if moment > till then till, who = moment, name end
end
for i = 2, 3 do
  wait(math.max(now, tonumber(redis.call('ZSCORE', KEYS[3], ARGV[i]) or 0)), ARGV[i])
  local left = redis.call('HMGET', KEYS[2 + i], 'left', 'till')
  if left[1] and tonumber(left[1]) < 1 then wait(tonumber(left[2]), ARGV[i]) end
end
local function full(key, count, cost, width, parts, name)
  local newest, sum, seen = math.floor(now / width), 0, {}
  local all = redis.call('HGETALL', key)
  for n = 1, #all, 2 do
    local part = tonumber(all[n])
    if part + parts < newest then
      redis.call('HDEL', key, all[n])
    else
      sum = sum + all[n + 1]
      seen[#seen + 1] = {part, tonumber(all[n + 1])}
    end
  end
  table.sort(seen, function(one, other) return one[1] < other[1] end)
  local n = 0
  while n < #seen and sum + cost > count do
    n = n + 1
    sum = sum - seen[n][2]
    wait((seen[n][1] + parts + 1) * width, name)
  end
end
for i = 6, #KEYS do
  local a = 4 + (i - 6) * 5
  full(KEYS[i], tonumber(ARGV[a]), tonumber(ARGV[a + 1]), tonumber(ARGV[a + 2]),
    tonumber(ARGV[a + 3]), ARGV[a + 4])
end
if till > now then
  local was = tonumber(redis.call('ZSCORE', KEYS[3], who) or 0)
  redis.call('ZADD', KEYS[3], 'GT', till, who)
  return {now, till, who, was > now and 0 or 1}
end
for i = 6, #KEYS do
  local a = 4 + (i - 6) * 5
  redis.call('HINCRBY', KEYS[i], math.floor(now / ARGV[a + 2]), ARGV[a + 1])
  redis.call('PEXPIRE', KEYS[i], (ARGV[a + 3] + 2) * ARGV[a + 2])
end
for i = 4, 5 do
  if redis.call('EXISTS', KEYS[i]) == 1 then redis.call('HINCRBY', KEYS[i], 'left', -1) end
end
return {now, 0, '', 0}
"""
CLOSE = """
redis.call('ZREMRANGEBYSCORE', KEYS[1], 0, now)
local news = redis.call('ZSCORE', KEYS[1], ARGV[1]) and 0 or 1
redis.call('ZADD', KEYS[1], 'GT', now + ARGV[2], ARGV[1])
return news
"""
LEFT = """
local left, till = tonumber(ARGV[1]), now + ARGV[2]
local known = redis.call('HMGET', KEYS[1], 'left', 'till')
if known[1] then
  if tonumber(known[2]) > till + 2000 then return now end
  if tonumber(known[2]) > till - 2000 then left = math.min(left, tonumber(known[1])) end
end
redis.call('HSET', KEYS[1], 'left', left, 'till', till)
redis.call('PEXPIREAT', KEYS[1], till)
return now
"""
VIEW = "return redis.call('ZRANGE', KEYS[1], now, '+inf', 'BYSCORE', 'WITHSCORES')"
SEED = """
for i = 2, #KEYS do redis.call('DEL', KEYS[i]) end
for n = 1, #ARGV, 4 do
  local key = KEYS[tonumber(ARGV[n])]
  redis.call('HSET', key, ARGV[n + 1], ARGV[n + 2])
  redis.call('PEXPIRE', key, ARGV[n + 3])
end
redis.call('SET', KEYS[1], now)
return now
"""
PAGE = 2000
COUNTING_TURNS, COUNTING_S = 10, 0.05
COUNTED_ANEW = "What went out lately is being counted anew; this goes on by itself in a moment."
_guard = threading.Lock()
_inside: dict[str, int] = {}


@dataclass(frozen=True, slots=True)
class Wait:
    """Not before `until`, and whom that concerns; `words` say why.

    `news`: the gate of the whole app has closed just now, and nobody else has been told.
    """

    until: datetime
    scope: Scope
    words: str
    error: str = results.LIMITED
    news: bool = False


@dataclass(frozen=True, slots=True)
class Ticket:
    """It may go; `probing`: whose breakers wait for what becomes of it."""

    line: Line
    probing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Closed:
    """One gate that is closed, to be shown: whose, and until when."""

    name: str
    until: datetime


@contextmanager
def bulkhead(provider: str) -> Iterator[bool]:
    """True while this process has room for one more task of `provider`, else False; never waits."""
    with _guard:
        room = _inside.get(provider, 0) < lane_of(provider).bulkhead
        if room:
            _inside[provider] = _inside.get(provider, 0) + 1
    try:
        yield room
    finally:
        if room:
            with _guard:
                _inside[provider] -= 1


def admit(account: SocialAccount, at: datetime, *, posts: bool = True) -> Wait | Ticket:
    """Whether a request as `account` may go now; a post is counted, a look (not `posts`) is not."""
    line = breaker.line_of(account)
    until, probing = breaker.ask(line, at)
    ticket = Ticket(line, probing)
    if until:
        return Wait(until, "app", breaker.waits(line, until), results.TROUBLE)
    if wait := _told_to_wait(account, line, at) or _enter(line, at, posts=posts):
        hand_back(ticket)
        return wait
    return ticket


def hand_back(ticket: Ticket) -> None:
    """It was not used: if it was the probe's, somebody else may make the probe."""
    if ticket.probing:
        breaker.leave(ticket.line)


def told(
    ticket: Ticket, problem: NetworkError | None, heard: Sequence[Reply | NetworkError]
) -> Verdict:
    """Note what the answers to a call say: what is left, whose limit was met, how the network is.

    Writes to Redis alone, so that nothing can get between an answer and its record.
    """
    scope, news = _hear(ticket.line, heard), False
    if isinstance(problem, Throttled) and problem.wait is not None:
        span = ms(max(problem.wait.total_seconds(), 1))
        news = bool(memory.ask(CLOSE, [SHUT], [_name(ticket.line, scope), span]))
    verdict = breaker.report(ticket.line, problem, heard, probing=bool(ticket.probing))
    return replace(verdict, scope=scope, news=news)


def put_off(result: PostResult, wait: Wait, at: datetime) -> int:
    """The result waits; whoever learns it first puts off all that is due behind the same gate."""
    rows = PostResult.objects.filter(pk=result.pk)
    if wait.error == results.LIMITED and wait.scope == "account":
        if block(result.account_id, wait.until, at):
            rows = PostResult.objects.filter(account_id=result.account_id)
    elif wait.news:
        rows = breaker.line_of(result.account).results
    return results.put_off(rows, at, wait.until, error=wait.error, words=wait.words)


def closed(result: PostResult, verdict: Verdict, until: datetime, at: datetime) -> None:
    """A network has said "too fast": what is due behind the same gate waits until then as well.

    The account that was told waits in any case, even if Redis forgets whose limit it was.
    """
    words = _says(verdict.line, until)
    put_off(result, Wait(until, "account", words), at)
    if verdict.scope == "app":
        put_off(result, Wait(until, "app", words, news=verdict.news), at)


def block(account: int, until: datetime, at: datetime) -> bool:
    """Write down that an account waits, where it outlives Redis; whether that is news."""
    mine = SocialAccount.objects.filter(pk=account)
    news = mine.filter(Q(blocked_until=None) | Q(blocked_until__lte=at))
    if news.update(blocked_until=until):
        return True
    mine.filter(blocked_until__lt=until).update(blocked_until=until)
    return False


def apart(account: int) -> timedelta:
    """How much later than others an account comes back; all its posts alike, in their order."""
    return timedelta(milliseconds=account * 37 % 1000)


def view() -> list[Closed]:
    """Every gate that is closed now, soonest to open first; nothing while Redis is away."""
    found = memory.ask(VIEW, [SHUT]) or []
    pairs = zip(found[::2], found[1::2], strict=True)
    moments = ((text(name), float(till) / 1000) for name, till in pairs)
    return [Closed(name, datetime.fromtimestamp(till, UTC)) for name, till in moments]


def _hear(line: Line, heard: Sequence[Reply | NetworkError]) -> Scope:
    """Note what is left; returns whose limit a refusal among these answers was."""
    scope: Scope = "account"
    known = providers.ADAPTERS.get(line.provider)
    for reply in (answer for answer in heard if isinstance(answer, Reply)):
        for quota in quotas(reply, known.meters if known else ()):
            left = ms((quota.resets_at - reply.received_at).total_seconds())
            key = f"left:{_name(line, quota.scope)}"
            memory.ask(LEFT, [key], [quota.remaining, left])
            if quota.scope == "app" and not quota.remaining:
                scope = "app"
    return scope


def _told_to_wait(account: SocialAccount, line: Line, at: datetime) -> Wait | None:
    """The floor that outlives Redis."""
    until = account.blocked_until
    if until is None or until <= at:
        return None
    return Wait(until, "account", _says(line, until))


def _enter(line: Line, at: datetime, *, posts: bool, moment: int = 0) -> Wait | None:
    """Ask Redis, and count the post if it may go. `moment`: its clock, for tests; 0 is now."""
    names = [line.name, line.mine]
    keys = [READY, COUNTING, SHUT, *(f"left:{name}" for name in names)]
    args: list[str | int] = [moment, *names]
    for cap in caps_of(line.provider) if posts else ():
        keys.append(_key(line, cap))
        args += [max(cap.count, cap.cost), cap.cost, _width(cap), PARTS, _name(line, cap.scope)]
    found = _asked(keys, args, at)
    if found is None:
        return None
    now, till, who, news = int(found[0]), int(found[1]), text(found[2]), bool(found[3])
    if till <= 0:
        return None
    scope: Scope = "account" if who == line.mine else "app"
    until = at + timedelta(milliseconds=till - now) + apart(line.account)
    words = _says(line, until) if who else COUNTED_ANEW
    return Wait(until, scope, words, news=news and scope == "app")


def _asked(keys: Sequence[str], args: Sequence[str | int], at: datetime) -> list[Any] | None:
    """What Redis says; if it has lost its memory, after somebody has counted anew."""
    found: list[Any] | None = None
    for _ in range(COUNTING_TURNS):
        found = memory.ask(ENTER, keys, args)
        if found is None or (int(found[1]) >= 0 and not (int(found[1]) and not text(found[2]))):
            return found
        if int(found[1]) < 0:
            count_anew(at)
        else:  # somebody else is counting: a matter of milliseconds, most of the time
            time.sleep(COUNTING_S)
    return found


def count_anew(at: datetime) -> int:
    """Redis has lost its memory: what went out lately is counted from the attempts; how many."""
    spans = {name: max((c.per for c in caps_of(name)), default=timedelta(0)) for name in _known()}
    since = at - max(spans.values(), default=timedelta(0))
    counts: dict[str, Counter[int]] = defaultdict(Counter)
    lives: dict[str, int] = {}
    sent = 0
    for name, host, account, moment in _sent_since(since):
        line = Line(name, name, host, account)
        for cap in caps_of(name):
            key, width = _key(line, cap), _width(cap)
            counts[key][int(moment.timestamp() * 1000) // width] += cap.cost
            lives[key] = (PARTS + 2) * width
        sent += 1
    keys = [READY, *counts]
    args: list[str | int] = []
    for place, (key, parts) in enumerate(counts.items(), 2):
        for part, count in parts.items():
            args += [place, part, count, lives[key]]
    memory.ask(SEED, keys, args)
    return sent


def _sent_since(since: datetime) -> Iterator[tuple[str, str, int, datetime]]:
    """What was sent since then, newest first: (network, host, account, moment)."""
    tries = Attempt.objects.filter(kind="publish").exclude(outcome="throttled").order_by("-pk")
    fields = ("pk", "started_at", "result__provider", "result__account_id")
    rows = tries.values_list(*fields, "result__account__token__host")
    page = list(rows[:PAGE])
    while page:
        for _, moment, name, account, host in page:
            if moment < since:
                return
            yield name, host or "", account, moment
        page = list(rows.filter(pk__lt=page[-1][0])[:PAGE])


def _known() -> list[str]:
    return list(SocialAccount.objects.order_by().values_list("provider", flat=True).distinct())


def _says(line: Line, until: datetime) -> str:
    return f"{line.place} takes no more for now; this goes on by itself at {say.moment(until)}."


def _name(line: Line, scope: Scope) -> str:
    return line.name if scope == "app" else line.mine


def _key(line: Line, cap: Cap) -> str:
    return f"cap:{_name(line, cap.scope)}:{cap.count}/{cap.per.total_seconds():g}"


def _width(cap: Cap) -> int:
    """The length of one part of a cap's span, in milliseconds."""
    return -(-ms(cap.per.total_seconds()) // PARTS)
