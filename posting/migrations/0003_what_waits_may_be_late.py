"""Posts that wait already may be as late as LATE_S says, as they were before by another way."""

from datetime import timedelta

from django.conf import settings
from django.db import migrations
from django.db.models import F, OuterRef, Subquery


def give_patience(apps, schema_editor):
    results = apps.get_model("posting", "PostResult").objects
    plan = apps.get_model("posting", "Post").objects.filter(pk=OuterRef("post")).values("due_at")
    waiting = results.filter(state__in=["draft", "held", "scheduled", "queued"], late_at=None)
    waiting.update(planned_at=Subquery(plan))
    waiting.update(late_at=F("planned_at") + timedelta(seconds=settings.LATE_S))


class Migration(migrations.Migration):
    dependencies = [("posting", "0002_how_late_a_post_may_be")]
    operations = [migrations.RunPython(give_patience, migrations.RunPython.noop)]
