"""The words for every state, outcome and reason: what it means and what happens next."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from django import template

import providers
from posting.lateness import NO_SLOT, SLOT_USED
from posting.models import Attempt, Post, PostResult
from posting.results import LIMITED, TROUBLE
from posting.states import LATE, MOVING, PostState, State, post_state
from tokens.states import AccountState

register = template.Library()
STAGES = ("Planned", "In line", "Sending", "Posted")
STAGE_OF = {
    State.SCHEDULED: 0,
    State.QUEUED: 1,
    State.SENDING: 2,
    State.UNCERTAIN: 2,
    State.PROCESSING: 2,
    State.POSTED: 3,
}
QUICKLY, SLOWLY = "every 2s", "every 15s"


@dataclass(frozen=True, slots=True)
class Wording:
    """A badge (words, tone, icon) and a sentence; `{network}` in it becomes the network's name."""

    label: str
    means: str
    tone: str
    icon: str


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a delivery's way; `at` is done, now or ahead."""

    label: str
    at: str


@dataclass(frozen=True, slots=True)
class Way:
    """Where on the accounts page something can be done about a held result."""

    label: str
    icon: str
    anchor: str


RESULTS: dict[State, Wording] = {
    State.DRAFT: Wording("Draft", "Nothing goes out until you post it.", "off", "pen"),
    State.HELD: Wording("Held", "It waits for a person and then goes on.", "wait", "pause"),
    State.SCHEDULED: Wording("Scheduled", "It goes out by itself at its time.", "wait", "clock"),
    State.QUEUED: Wording("In line", "It is due and goes out in a moment.", "move", "clock"),
    State.SENDING: Wording("Sending", "It is on its way to {network}.", "move", "send"),
    State.UNCERTAIN: Wording(
        "Checking",
        "The answer of {network} was lost. It is asked whether the post arrived before anything"
        " is sent again, so that it never stands there twice.",
        "move",
        "eye",
    ),
    State.PROCESSING: Wording(
        "Almost there",
        "{network} is still working on it. It is asked again by itself until it is out.",
        "move",
        "clock",
    ),
    State.POSTED: Wording("Posted", "It is out on {network}.", "ok", "check"),
    State.FAILED: Wording(
        "Not posted", "It did not go out. It stays like this until you try again.", "bad", "cross"
    ),
    State.CANCELLED: Wording("Cancelled", "It was stopped before it went out.", "off", "ban"),
    State.MISSED: Wording(
        "Missed", "It did not go out in time. You can still send it now.", "bad", "clock"
    ),
    State.UNCONFIRMED: Wording(
        "Please check",
        "It may be out, and {network} cannot tell us. Look at the account and say whether the post"
        " is there; until then nothing more is sent.",
        "warn",
        "alert",
    ),
}
AGAIN = Wording("Trying again", "The next try comes by itself.", "wait", "clock")
# What is more exact than the state alone: the state, and what the result says about itself.
BECAUSE: dict[tuple[State, str], Wording] = {
    (State.SCHEDULED, "throttled"): replace(
        AGAIN,
        label="Waiting",
        means="{network} asked this account to slow down. It goes on by itself.",
    ),
    (State.SCHEDULED, LIMITED): replace(
        AGAIN,
        label="Waiting",
        means="{network} takes no more from this account for now. It goes on by itself.",
    ),
    (State.SCHEDULED, TROUBLE): replace(
        AGAIN, label="Waiting", means="{network} has trouble. It waits and goes on by itself."
    ),
    (State.SCHEDULED, "unavailable"): replace(
        AGAIN, means="{network} could not be reached. The next try comes by itself."
    ),
    (State.SCHEDULED, "unfetched"): replace(
        AGAIN,
        means="{network} could not fetch a file from this site. The next try comes by itself.",
    ),
    (State.SCHEDULED, "uncertain"): replace(
        AGAIN,
        label="Sending again",
        means="It is certain now that the earlier try did not arrive on {network}.",
    ),
    (State.HELD, "reconnect"): Wording(
        "Reconnect",
        "{network} no longer accepts the key of this account. Connect it again, and the post goes"
        " out by itself.",
        "warn",
        "key",
    ),
    (State.HELD, "approval"): Wording(
        "Needs approval", "It goes out once somebody has approved it.", "wait", "pause"
    ),
    (State.HELD, "paused"): Wording(
        "Paused",
        "This account is paused. The post goes on by itself when somebody resumes the account.",
        "wait",
        "pause",
    ),
    (State.HELD, "disconnected"): Wording(
        "Disconnected",
        "This account was disconnected. Connect the same account of {network} again, and the post"
        " goes on by itself; or cancel it.",
        "warn",
        "ban",
    ),
    (State.HELD, LATE): Wording(
        "Late",
        "It could not go out in time, and it is later now than it may be without you. Send it now,"
        " give it a new time, skip it or cancel it.",
        "warn",
        "clock",
    ),
    (State.FAILED, "rejected"): replace(
        RESULTS[State.FAILED],
        means="{network} does not accept this post, and nothing went out. Its reason stands below;"
        " a changed text in a new post may pass.",
    ),
    (State.FAILED, "duplicate"): replace(
        RESULTS[State.FAILED],
        means="{network} says that it has this very text already, so it was not posted again.",
    ),
    (State.FAILED, "unavailable"): replace(
        RESULTS[State.FAILED],
        means="{network} could not be reached, and nothing went out. Try again when it is back.",
    ),
    (State.FAILED, "unfetched"): replace(
        RESULTS[State.FAILED],
        means="{network} could not fetch a file from this site, and nothing went out. Whoever runs"
        " this site must see that it can be reached from outside; then try again.",
    ),
    (State.FAILED, "forbidden"): replace(
        RESULTS[State.FAILED],
        means="{network} does not let this account post. Look at the account there, then try"
        " again.",
    ),
    (State.FAILED, "unexpected"): replace(
        RESULTS[State.FAILED],
        means="{network} answered in a way that Postrider does not understand. It is in the log of"
        " whoever runs this site.",
    ),
    (State.FAILED, "misconfigured"): replace(
        RESULTS[State.FAILED],
        means="{network} does not accept the way in which this site is set up. That is not your"
        " account's fault; whoever runs this site must look, then try again.",
    ),
}
NEXT = Wording("Next", "It goes out by itself as soon as part {before} is out.", "wait", "clock")
# A part that waits for the one before it: how that one stands says what it waits for.
BEHIND: dict[State, Wording] = {
    State.FAILED: replace(
        NEXT,
        label="Waiting",
        means="It follows part {before}, which did not go out. Try that one again and this goes on"
        " by itself, or cancel it.",
    ),
    State.UNCONFIRMED: replace(
        NEXT,
        label="Waiting",
        means="It follows part {before}, of which only you can tell whether it is out: say so, and"
        " this goes on or ends.",
    ),
    State.HELD: replace(NEXT, means="It follows part {before}, which is waiting itself."),
}
POSTS: dict[PostState, Wording] = {
    PostState.DRAFT: RESULTS[State.DRAFT],
    PostState.SCHEDULED: RESULTS[State.SCHEDULED],
    PostState.POSTING: Wording("Posting", "It is on its way.", "move", "send"),
    PostState.POSTED: Wording("Posted", "It is out everywhere.", "ok", "check"),
    PostState.PARTIAL: Wording(
        "Partly posted", "It is out on some accounts only.", "warn", "alert"
    ),
    PostState.FAILED: Wording("Not posted", "It is not out anywhere.", "bad", "cross"),
    PostState.CANCELLED: RESULTS[State.CANCELLED],
}
CHECK_POST = Wording("Please check", "Only a person can tell whether it is out.", "warn", "alert")
WAITING_POST = Wording("Waiting for you", "It goes on once a person has acted.", "warn", "pause")
OUTCOME_MEANS: dict[str, str] = {
    "": "It was asked and has not answered yet.",
    "posted": "The network took it and said so.",
    "not seen": "The network was asked for it, and it was not there.",
    "lost": "Whoever was sending it ended before the answer was kept.",
    "rejected": "The network read it and refused it.",
    "duplicate": "The network has the same text already.",
    "throttled": "The network asked to wait. This uses up no try.",
    "unavailable": "The network was not reached, so it certainly has nothing of it.",
    "unfetched": "The network could not fetch a file from this site, so nothing of it is out.",
    "uncertain": "The answer was lost: it may have arrived.",
    "processing": "The network has it and works on it.",
    "unauthorized": "The network did not accept the key of the account.",
    "forbidden": "The network does not let the account do this.",
    "unexpected": "The network answered in a way that Postrider does not know.",
    "misconfigured": "The network does not accept how this site is set up.",
}
OUTCOMES: dict[str, tuple[str, str]] = {
    "": ("Under way", "move"),
    "posted": ("Posted", "ok"),
    "not seen": ("Not there", "wait"),
    "lost": ("Broken off", "warn"),
    "rejected": ("Refused", "bad"),
    "duplicate": ("Already there", "warn"),
    "throttled": ("Asked to wait", "wait"),
    "unavailable": ("Not reached", "wait"),
    "unfetched": ("File not fetched", "wait"),
    "uncertain": ("No clear answer", "warn"),
    "processing": ("Still at work", "wait"),
    "unauthorized": ("Key not accepted", "warn"),
    "forbidden": ("Not allowed", "bad"),
    "unexpected": ("Not understood", "bad"),
    "misconfigured": ("Not set up right", "bad"),
}


@register.filter
def result_words(result: PostResult) -> Wording:
    """How one post on one account stands."""
    state = State(result.state)
    why = result.held_for if state is State.HELD else result.error
    said = BECAUSE.get((state, why))
    if said is None:
        said = AGAIN if state is State.SCHEDULED and why else RESULTS[state]
    if result.waits_for_part:
        said = _behind(result)
    known = providers.ADAPTERS.get(result.provider)
    network = known.label if known else "The network"
    return replace(said, means=said.means.format(network=network, before=result.part))


@register.filter
def where(result: PostResult, label: str) -> str:
    """The account, and how it stands there."""
    return f"{result.account}: {label}"


def _behind(result: PostResult) -> Wording:
    """What a part waits for; people count parts from one, so the one before it has its number."""
    thread = (r for r in result.post.results.all() if r.account_id == result.account_id)
    before = next((r for r in thread if r.part == result.part - 1), None)
    return BEHIND.get(State(before.state), NEXT) if before else NEXT


@register.filter
def in_thread(result: PostResult) -> str:
    """Which part of a thread it is, "part 2 of 3"; "" where it stands alone."""
    thread = [r for r in result.post.results.all() if r.account_id == result.account_id]
    return f"part {result.part + 1} of {len(thread)}" if len(thread) > 1 else ""


KINDS = {"look": "Look", "poll": "Ask"}


@register.filter
def kind_words(attempt: Attempt) -> str:
    """What one attempt was."""
    return KINDS.get(attempt.kind, "Send")


@register.filter
def way(result: PostResult) -> tuple[Stage, ...]:
    """The way of one delivery: what is behind it, where it is, what is ahead; () if not on it."""
    state = State(result.state)
    if state not in STAGE_OF:
        return ()
    here = STAGE_OF[state]
    words = [*STAGES[:here], "Checking" if state is State.UNCERTAIN else STAGES[here]]
    words += STAGES[here + 1 :]
    over = state is State.POSTED
    return tuple(
        Stage(word, "done" if n < here or over else "now" if n == here else "ahead")
        for n, word in enumerate(words)
    )


@register.filter
def quotable(result: PostResult) -> bool:
    """Whether its words say more than ours do: a network's own, or the reason for an end."""
    if result.is_late:
        return result.words in (NO_SLOT, SLOT_USED)
    if result.state == State.HELD:
        return bool(result.words and result.error)
    return bool(result.words) and result.state not in (State.POSTED, State.CANCELLED)


@register.filter
def way_on(result: PostResult) -> Way | None:
    """Where a held result can be helped on; None if not on the accounts page."""
    card = f"account-{result.account_id}"
    match result.held_for:
        case AccountState.RECONNECT:
            return Way("Connect it again", "key", card)
        case AccountState.PAUSED:
            return Way("Resume the account", "play", card)
        case AccountState.DISCONNECTED:
            return Way("Connect it again", "key", f"connect-{result.provider}")
    return None


@register.filter
def again_words(results: Iterable[PostResult]) -> str:
    """What the button for another try says: what is late was never tried."""
    late = any(result.is_late or result.state == State.MISSED for result in results)
    return "Send now" if late else "Try again"


@register.filter
def post_words(post: Post) -> Wording:
    """How the whole post stands; what a person must do comes first."""
    results = list(post.results.all())
    states = {State(result.state) for result in results}
    if State.UNCONFIRMED in states:
        return CHECK_POST
    if State.HELD in states and not states & MOVING:
        return WAITING_POST
    return POSTS[post_state(r.state for r in results if not r.waits_for_part)]


@register.filter
def outcome_words(attempt: Attempt) -> dict[str, str]:
    """How one attempt ended; an outcome that nobody listed speaks for itself."""
    label, tone = OUTCOMES.get(attempt.outcome, (attempt.outcome, "wait"))
    return {"label": label, "tone": tone, "means": OUTCOME_MEANS.get(attempt.outcome, "")}


@register.filter
def span(attempt: Attempt) -> str:
    """How long an attempt took, "0.42 s"; "" while it is under way."""
    if attempt.ended_at is None:
        return ""
    return f"{(attempt.ended_at - attempt.started_at).total_seconds():.2f}\N{NO-BREAK SPACE}s"


@register.filter
def some(results: Iterable[PostResult], ability: str) -> bool:
    """Whether any of these results has this ability (`can_cancel`, …)."""
    return any(getattr(result, ability) for result in results)


@register.filter
def count_state(results: Iterable[PostResult], state: str) -> int:
    """How many of these results are in this state."""
    return sum(result.state == state for result in results)


@register.filter
def pace(posts: Iterable[Post]) -> str:
    """How often a list of posts is worth asking for again; "" if nothing in it moves."""
    every = {post.state for post in posts if post.moving}
    if PostState.POSTING in every:
        return QUICKLY
    return SLOWLY if every else ""
