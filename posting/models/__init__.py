"""The rows of the posting room: Post, PostResult (on one account), Attempt (one try), and files."""

from posting.models.attempt import Attempt as Attempt
from posting.models.media import Attachment as Attachment
from posting.models.media import Upload as Upload
from posting.models.media import Variant as Variant
from posting.models.media import new_key as new_key
from posting.models.post import Post as Post
from posting.models.post import PostQuerySet as PostQuerySet
from posting.models.result import BATCH as BATCH
from posting.models.result import MOST_LOOKS as MOST_LOOKS
from posting.models.result import NOTABLE as NOTABLE
from posting.models.result import PostResult as PostResult
from posting.models.result import ResultQuerySet as ResultQuerySet
