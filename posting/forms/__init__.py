"""What people type in the posting room."""

from posting.forms.writing import EditForm as EditForm
from posting.forms.writing import PostForm as PostForm
from posting.forms.writing import SplitForm as SplitForm
