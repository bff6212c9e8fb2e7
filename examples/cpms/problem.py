"""Answers that refuse: one kind of problem each, as `application/problem+json` (RFC 9457)."""

from __future__ import annotations

# kind: (status, title); the document lists the same.
KINDS = {
    "malformed": (400, "The request does not follow the document"),
    "unauthenticated": (401, "No valid access token"),
    "forbidden": (403, "The access token does not allow this"),
    "not-found": (404, "There is no such resource"),
    "method": (405, "The resource does not know this method"),
    "stale": (409, "A newer or the same sequence was heard before"),
    "too-large": (413, "The body is too long"),
    "media-type": (415, "The body must be application/json"),
    "lapsed": (422, "The message came after its own expiry"),
    "clock": (422, "The message was issued in the future: the clocks disagree"),
    "inconsistent": (422, "The times of the message contradict each other"),
    "reused": (422, "The request ID was used for another request"),
}


class Refusal(Exception):  # noqa: N818 - an answer, not a fault of the program
    """A message that is not applied.

    Parameters
    ----------
    kind : str
        Of `KINDS`.
    detail : str
        What was found and what is allowed.
    **more
        Further members of the problem, such as lastSequence.
    """

    def __init__(self, kind: str, detail: str, **more):
        super().__init__(detail)
        self.kind = kind
        self.status, self.title = KINDS[kind]
        self.detail = detail
        self.more = more

    def as_dict(self) -> dict:
        """Return the problem, ready for JSON."""
        told = {"type": f"/problems/{self.kind}", "title": self.title, "status": self.status}
        return told | {"detail": self.detail} | self.more
