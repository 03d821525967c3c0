"""Error answers as problem documents (RFC 7807, now RFC 9457): a code and words.

The last segment of `type` is the code. Older answers of the same networks hold a list of errors.
"""

from __future__ import annotations

from providers.kit.http import Reply, objects_in, text_in


def problem(reply: Reply) -> tuple[str, str]:
    """Code and words of an error answer; the code is "" where `type` says nothing."""
    data = reply.maybe_json()
    code = text_in(data, "type").rsplit("/", 1)[-1]
    if code in ("about:blank", "blank"):
        code = ""
    older = objects_in(data, "errors")
    if not text_in(data, "title") and older:
        code = str(older[0].get("code", code))
    return code, reply.said("detail", "title", "message")
