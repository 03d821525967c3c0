"""What people type in the posting room."""

from posting.forms.calendar import BulkForm as BulkForm
from posting.forms.calendar import Look as Look
from posting.forms.calendar import MoveForm as MoveForm
from posting.forms.files import FileForms as FileForms
from posting.forms.files import PostFiles as PostFiles
from posting.forms.slots import SlotForm as SlotForm
from posting.forms.writing import EditForm as EditForm
from posting.forms.writing import PostForm as PostForm
from posting.forms.writing import SplitForm as SplitForm
