"""The words for what keeps posts from going out: what happened, whose fault, what to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from django import template
from django.utils.text import capfirst

from posting.causes import OF_ACCOUNT, Cause, Kind

register = template.Library()


@dataclass(frozen=True, slots=True)
class Story:
    """A badge, and three plain sentences; `{network}` and `{account}` are put in."""

    label: str
    tone: str
    icon: str
    happened: str
    whose: str
    todo: str


STORIES: Mapping[str, Story] = {
    Kind.RECONNECT: Story(
        "Reconnect", "bad", "key",
        "{network} no longer accepts the key of {account}.",
        "Nobody's: keys end, and people take them back.",
        "Connect the account again. Its posts then go on by themselves.",
    ),
    Kind.PAUSED: Story(
        "Paused", "wait", "pause",
        "Somebody of your team paused {account}.",
        "Nobody's: it was meant so.",
        "Resume the account. Its posts then go on by themselves.",
    ),
    Kind.DISCONNECTED: Story(
        "Disconnected", "warn", "ban",
        "{account} was disconnected while posts for it waited.",
        "Nobody's: it was meant so.",
        "Connect the same account again and they go on; or cancel them, one by one.",
    ),
    Kind.TROUBLE: Story(
        "Waiting", "wait", "hourglass",
        "{network} does not answer, or answers with errors of its own.",
        "The network's.",
        "Nothing: it is tried again, ever more rarely. You can order a try now.",
    ),
    Kind.LIMITED: Story(
        "Waiting", "wait", "clock",
        "{account} has posted as much as {network} takes for now.",
        "Nobody's: it is the network's limit.",
        "Nothing: it goes on by itself as soon as there is room.",
    ),
    Kind.LATE: Story(
        "Late", "warn", "clock",
        "The time passed, and it is later now than a post may go out without you.",
        "What held them up stands at each post.",
        "Send now, or look first and skip what is out of date.",
    ),
    Kind.FAILED: Story(
        "Not posted", "bad", "cross",
        "{network} did not take what was sent. Nothing went out.",
        "It is not certain whose.",
        "Read what the network said, mend it, then try again.",
    ),
    Kind.MISSED: Story(
        "Missed", "bad", "clock",
        "The time passed, and nothing was to go out late.",
        "What held them up stands at each post.",
        "Send now what is still worth reading.",
    ),
    Kind.UNCONFIRMED: Story(
        "Please check", "warn", "alert",
        "The answer of {network} was lost, and it cannot tell what arrived.",
        "The network's, or the line's.",
        "Look at the account, then say at each post whether it is there. Until then nothing is"
        " sent twice.",
    ),
    Kind.OTHER: Story(
        "Held", "wait", "pause",
        "A person has to say yes first.", "Nobody's.", "Look, one by one.",
    ),
}  # fmt: skip
MENDED = Story(
    "Repaired", "ok", "check",
    "{account} can post again.",
    "Nobody's any more.",
    "Release what waits, or leave it: it goes on by itself in a moment, in the order of its plan.",
)  # fmt: skip
FAILED: Mapping[str, tuple[str, str, str]] = {
    "rejected": (
        "{network} refused the text or what belongs to it. Nothing went out.",
        "The content's: it breaks a rule of the network.",
        "Open a post, duplicate it as a draft, change it and send that. The same again will be"
        " refused again.",
    ),
    "duplicate": (
        "{network} says that it has this very text already.",
        "Nobody's.",
        "Nothing, if it is there. Else change the text a little in a new draft.",
    ),
    "unavailable": (
        "{network} could not be reached for so long that the tries were used up.",
        "The network's, or the line's.",
        "Try again when it is back.",
    ),
    "unfetched": (
        "{network} fetches pictures and videos from this site and could not, each time.",
        "Of whoever runs this site, not yours.",
        "They must see that its address can be reached from outside; then try again.",
    ),
    "forbidden": (
        "{network} does not let {account} post.",
        "The account's, there: it lacks a right, or it was restricted.",
        "Look at the account on {network}, mend it there, then try again.",
    ),
    "unexpected": (
        "{network} answered in a way that Postrider does not understand.",
        "Postrider's, or the network has changed.",
        "Whoever runs this site finds the answer in the log; try again later.",
    ),
    "misconfigured": (
        "{network} does not accept the way in which this site is set up.",
        "Of whoever runs this site, not yours.",
        "They must look at the settings of {network}; then try again.",
    ),
}


@register.filter
def story(cause: Cause) -> Story:
    """What a person has to know about a cause."""
    told = STORIES[cause.kind]
    if cause.kind is Kind.FAILED and cause.error in FAILED:
        happened, whose, todo = FAILED[cause.error]
        told = replace(told, happened=happened, whose=whose, todo=todo)
    if cause.fixed and cause.kind in OF_ACCOUNT:
        told = MENDED
    names = {"network": cause.network, "account": str(cause.account or cause.network)}
    return replace(
        told,
        happened=capfirst(told.happened.format(**names)),
        whose=told.whose.format(**names),
        todo=told.todo.format(**names),
    )


@register.filter
def held_up(causes: Iterable[Cause]) -> int:
    """How many posts stand behind all of these."""
    return sum(cause.count for cause in causes)


@register.filter
def anchor(cause: Cause) -> str:
    """Where on the accounts page something can be done about it."""
    if cause.kind is Kind.DISCONNECTED:
        return f"connect-{cause.provider}"
    return f"account-{cause.account.pk}" if cause.account else ""


@register.filter
def releases(cause: Cause) -> str:
    """The words of the button that lets them go on; "" where no button does."""
    if not cause.fixed:
        return ""
    if not cause.advice.url_name:
        return cause.advice.button
    if cause.kind is Kind.LATE:
        return cause.advice.button
    return "Release it" if cause.count == 1 else "Release them"
