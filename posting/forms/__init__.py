"""What people type in the posting room."""

from posting.forms.files import FileForms as FileForms
from posting.forms.files import PostFiles as PostFiles
from posting.forms.writing import EditForm as EditForm
from posting.forms.writing import PostForm as PostForm
from posting.forms.writing import SplitForm as SplitForm
