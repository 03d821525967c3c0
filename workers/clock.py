"""Beat's clock: django-celery-beat's scheduler, which leaves a pulse when it has sent something.

Not a ping: the pulse is written after a job went out to the broker, so a beat that is up but sends
nothing has none. It does not travel through the queue.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from django.db import Error
from django_celery_beat.schedulers import DatabaseScheduler

from workers.models import BEAT, Pulse, clock
from workers.pulse import supervisor

PULSE_S = 5.0
logger = logging.getLogger(__name__)


class Scheduler(DatabaseScheduler):
    """Sends the jobs of the house and is seen doing it."""

    written_at = 0.0

    def apply_async(self, *args: Any, **options: Any) -> Any:
        """Send one job; whatever happens to the pulse, the job is out."""
        sent = super().apply_async(*args, **options)
        self._felt()
        return sent

    def tick(self, *args: Any, **options: Any) -> float:
        """One turn of beat's loop: it gets on, also while the broker is away."""
        supervisor.feel()
        return float(super().tick(*args, **options))

    def _felt(self) -> None:
        if time.monotonic() - self.written_at < PULSE_S:
            return
        self.written_at = time.monotonic()
        try:
            Pulse.objects.felt([(BEAT, BEAT)], "", clock())
        except Error as problem:
            logger.warning("beat's pulse could not be written down (%s)", type(problem).__name__)
