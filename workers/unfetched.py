"""Was a post refused only because a network could not fetch our file? Then it is tried again.

Some networks fetch pictures and videos from our address, and many of them say of a site that does
not answer what they say of a bad file: refused. So our own address is asked as well, from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from django.conf import settings

from posting.media import stands_at
from posting.results import Delivery
from providers.kit.content import Kind, Media
from providers.kit.errors import Duplicate, NetworkError, NotFetched, Rejected
from providers.kit.http import Patience, Wire
from tokens.networks import network

NOUNS = {Kind.IMAGE: "picture", Kind.VIDEO: "video"}
LONGEST_S = 5.0
"""How long our own address may take; the lease has room for more than that."""


def judged(delivery: Delivery, problem: NetworkError) -> NetworkError:
    """The problem as it is; NotFetched, in plain words, where a file of ours was not to be had."""
    known = isinstance(problem, NotFetched)
    if not known and (not _may_hide_it(problem) or delivery.ticketed):
        return problem
    label = network(delivery.result.provider).label
    for where, media in _places(delivery).items():
        noun, host = NOUNS[media.kind], urlsplit(where).netloc
        if known:
            words = f"{label} could not fetch your {noun} from {host}."
        elif delivery.lease.enough() and not answers(media.url):
            words = (
                f"{label} refused this, and {host}, where it fetches your {noun}, does"
                f" not answer at the moment. It said: {problem.words}"
            )
        else:
            continue
        return NotFetched(words, status=problem.status, network_code=problem.network_code)
    return problem


def given_up(delivery: Delivery, problem: NetworkError) -> NetworkError:
    """The same after the last try, with what to do about it."""
    cures = [
        f"{stands_at(media.url)[0]} is {where}: see that it can be reached from outside."
        for where, media in _places(delivery).items()
    ]
    words = " ".join([problem.words, "Nothing is wrong with the post.", *cures, "Then try again."])
    return NotFetched(words, status=problem.status, network_code=problem.network_code)


def answers(url: str) -> bool:
    """Whether a signed address of ours gives its file at this moment."""
    longest = min(LONGEST_S, settings.HTTP_DEADLINE_S)
    # The operator chose this address; from here it may well be a private one.
    wire = Wire(patience=Patience(longest, longest, longest), trusted=frozenset([_origin(url)]))
    try:
        return wire.call("GET", url, headers={"Range": "bytes=0-0"}).ok
    except NetworkError:
        return False


def _may_hide_it(problem: NetworkError) -> bool:
    """A refusal that came from the network, and not because it has the post already."""
    refused = isinstance(problem, Rejected) and not isinstance(problem, Duplicate)
    return refused and bool(problem.status or problem.network_code)


def _places(delivery: Delivery) -> Mapping[str, Media]:
    """Where the network was told to fetch files: each origin with the first file there."""
    found: dict[str, Media] = {}
    for media in delivery.message.media:
        if media.url:
            found.setdefault(_origin(media.url), media)
    return found


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
