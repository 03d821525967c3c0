"""Flower's configuration: nothing is shown without the password in FLOWER_BASIC_AUTH.

Flower 2.2 asks for the password on its pages and its API but leaves /metrics open
(https://flower.readthedocs.io/en/latest/auth.html); the names of tasks are nobody else's business.
"""

from __future__ import annotations

import os
import sys

from flower.views.monitor import Metrics
from tornado.web import authenticated

_pair = os.environ.get("FLOWER_BASIC_AUTH", "")
if not all(_pair.partition(":")):
    sys.exit("Flower does not start without FLOWER_BASIC_AUTH=user:password.")

basic_auth = [_pair]
persistent = False
max_tasks = 5000

# `authenticated` asks the handler who is there; Flower's own answer is 401 without the password.
Metrics.get = authenticated(Metrics.get)
