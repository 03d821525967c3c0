"""The rows of the posting room: Post, its Parts, PostResult (one on one account), Attempt."""

from posting.models.attempt import Attempt as Attempt
from posting.models.firsts import Firsts as Firsts
from posting.models.firsts import firsts as firsts
from posting.models.firsts import of_group as of_group
from posting.models.imported import Import as Import
from posting.models.imported import ImportFile as ImportFile
from posting.models.imported import ImportRow as ImportRow
from posting.models.library import Label as Label
from posting.models.library import Template as Template
from posting.models.media import Attachment as Attachment
from posting.models.media import Upload as Upload
from posting.models.media import Variant as Variant
from posting.models.media import new_key as new_key
from posting.models.part import Part as Part
from posting.models.post import WRITTEN as WRITTEN
from posting.models.post import Post as Post
from posting.models.post import PostQuerySet as PostQuerySet
from posting.models.result import BATCH as BATCH
from posting.models.result import MOST_LOOKS as MOST_LOOKS
from posting.models.result import NOTABLE as NOTABLE
from posting.models.result import PostResult as PostResult
from posting.models.result import ResultQuerySet as ResultQuerySet
from posting.models.schedule import Occurrence as Occurrence
from posting.models.schedule import Repeat as Repeat
from posting.models.schedule import Slot as Slot
from posting.models.undoable import Undoable as Undoable
