"""What people type in the posting room."""

from posting.forms.calendar import BulkForm as BulkForm
from posting.forms.calendar import Look as Look
from posting.forms.calendar import MoveForm as MoveForm
from posting.forms.composing import PART as PART
from posting.forms.composing import PostForm as PostForm
from posting.forms.composing import Received as Received
from posting.forms.composing import SplitForm as SplitForm
from posting.forms.composing import received as received
from posting.forms.files import FileForms as FileForms
from posting.forms.files import PostFiles as PostFiles
from posting.forms.sifting import asked as asked
from posting.forms.slots import SlotForm as SlotForm
from posting.forms.writing import EditForm as EditForm
