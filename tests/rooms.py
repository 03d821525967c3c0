"""The plan of the house: its rooms, the layers in each, and the verbs that stand there."""

from __future__ import annotations

ROOMS = ("project", "workers", "posting", "tokens", "accounts", "providers", "integrations")
PLACES = (*ROOMS, "sandbox", "deploy", "tests")
# The layers of a room, from the top; a module imports inside its room only what stands below it.
LAYERS = (
    ("urls",),
    ("views", "api", "admin"),
    ("forms",),
    ("VERBS",),
    ("models",),
    ("states", "roles", "stamps", "codes", "claims"),
)
FOLDERS = ("models", "views", "forms")  # a layer that outgrows its file becomes a folder of nouns
VERBS_LAYER = 3  # a new verb is a decision: the file is named after it and listed here
VERBS = {
    "project": "settings environment celery wsgi asgi checks health log cache pages swaps nav "
    "survey tracker apps",
    "accounts": "access activity notify billing apps",
    "tokens": "vault connect disconnect refresh rotate examine speak networks spool windows "
    "standing crash problems limits lease ask attach choose derive renew status apps",
    "posting": "compose amend revise lateness forecast rules split results doorbell apps "
    "chain steps schedule slots enqueue repeats "
    "media uploads variants clean sniff pictures footage "
    "drafts preview library undo calendar causes overview bulk sheet sift export "
    "imports interpret recur",
    "workers": "queues dispatch publish reconcile poll retry unfetched refresh gates breaker "
    "shared sweep notices mail ahead say mend jobs wake outlook pulse vitals alarm clock apps",
}
DJANGOS = ("management", "templatetags")  # folders whose names Django gives
FORBIDDEN_NAMES = {"services", "utils", "helpers", "managers"}
