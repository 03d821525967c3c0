"""What the pages say about tables, repeats and labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from django import template

from posting import repeats
from posting.models import Import, Repeat
from posting.states import Stage
from posting.templatetags.wording import Wording
from tokens.models import SocialAccount

register = template.Library()
STAGES: dict[Stage, Wording] = {
    Stage.BROUGHT: Wording("Waits for you", "Say what its columns hold.", "warn", "pen"),
    Stage.TRYING: Wording("Being tried", "Every row is looked at.", "move", "hourglass"),
    Stage.TRIED: Wording("Nothing written yet", "Look at it, and confirm.", "warn", "eye"),
    Stage.GOING: Wording("Being imported", "Its rows become posts.", "move", "hourglass"),
    Stage.ENDED: Wording("Imported", "It is over.", "ok", "check"),
}


@register.filter
def stage_words(table: Import) -> Wording:
    """The badge of a table."""
    return STAGES[table.stage]


@register.filter
def named(pks: Sequence[int], accounts: Mapping[int, SocialAccount]) -> list[SocialAccount]:
    """The accounts of these numbers that are still there."""
    return [accounts[pk] for pk in pks if pk in accounts]


@register.filter
def rule_words(repeat: Repeat) -> str:
    """When a repeat comes, in plain words."""
    return repeats.described(repeats.rule_of(repeat))


@register.filter
def repeat_words(repeat: Repeat) -> Wording:
    """The badge of a repeat."""
    if repeat.ended_at:
        return Wording("Ended", "Nothing of it comes again.", "off", "ban")
    if repeat.paused:
        return Wording("Paused", "Nothing comes until it goes on.", "wait", "pause")
    if repeat.problem:
        return Wording("In trouble", "The next one could not be made yet.", "warn", "alert")
    return Wording("Goes on", "It comes by itself.", "ok", "repeat")


@register.filter
def answers(accounts: Iterable[SocialAccount]) -> dict[str, str]:
    """What becomes of the parts of a post, by network: `thread`, `comments` under it, `nothing`."""
    found: dict[str, dict[str, None]] = {"thread": {}, "comments": {}, "nothing": {}}
    for account in accounts:
        limits = account.limits
        if limits is not None:
            kind = "comments" if limits.flat_threads else "thread"
            found[kind if limits.replies else "nothing"][account.label] = None
    return {kind: ", ".join(labels) for kind, labels in found.items()}
