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
from posting.forms.importing import MappingForm as MappingForm
from posting.forms.importing import TableForm as TableForm
from posting.forms.library import LabelForm as LabelForm
from posting.forms.library import MergeForm as MergeForm
from posting.forms.library import TemplateForm as TemplateForm
from posting.forms.repeating import RepeatForm as RepeatForm
from posting.forms.repeating import blank_repeat as blank_repeat
from posting.forms.repeating import shown_repeat as shown_repeat
from posting.forms.sifting import asked as asked
from posting.forms.slots import SlotForm as SlotForm
