"""The library's pages: templates, labels, files; and labels on a post, a list and the calendar."""

from __future__ import annotations

from io import BytesIO

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

import providers
from accounts.models import Membership
from accounts.roles import Role
from integrations.storage.disk import Disk
from posting import library
from posting.models import Attachment, Label, Post, Template, Upload
from posting.uploads import take
from tests import files
from tests.cast import Cast
from tests.pages.conftest import connect, read


def bring(cast: Cast, name: str = "tower.jpg", alt: str = "A tower") -> Upload:
    """A picture of Alice's."""
    data = files.telling(width=400, height=300)
    at = timezone.now()
    return take(cast.team, cast.alice, name, BytesIO(data), len(data), at, alt)


def test_an_empty_library_says_one_sentence_and_one_action(alice: Client) -> None:
    for name, where in (("library", "new-template"), ("files", "new-post")):
        page = read(alice.get(reverse(name)))
        assert page.all("a", **{"class": "btn btn-primary", "href": reverse(where)})
    assert "There is none yet." in read(alice.get(reverse("labels"))).text


def test_a_template_is_made_changed_written_with_and_deleted(alice: Client) -> None:
    alice.post(reverse("new-template"), {"name": " Friday ", "text": "Read\r\nwith us."})
    one = Template.objects.get()
    assert (one.name, one.text) == ("Friday", "Read\nwith us.")
    page = read(alice.get(reverse("library")))
    begin = f"{reverse('new-post')}?template={one.pk}"
    assert page.all("a", href=begin)
    assert "with us." in read(alice.get(begin)).text
    alice.post(reverse("template", args=[one.pk]), {"name": "Friday", "text": "Come."})
    assert Template.objects.get().text == "Come."
    asked = alice.get(reverse("delete-template", args=[one.pk]))
    assert "Posts that began with it keep their text." in read(asked).text
    assert Template.objects.exists()
    alice.post(reverse("delete-template", args=[one.pk]))
    assert not Template.objects.exists()


def test_what_is_wrong_with_a_template_is_said_and_nothing_is_lost(
    alice: Client, cast: Cast
) -> None:
    library.keep_template(cast.team, "Friday", "Text.")
    answer = alice.post(reverse("new-template"), {"name": "friday", "text": "Long <b>words</b>."})
    page = read(answer)
    assert answer.status_code == 422
    assert "There is a “friday” already." in page.text
    assert "Long <b>words</b>." in page.text
    assert alice.post(reverse("new-template"), {"name": "", "text": ""}).status_code == 422


def test_a_template_is_made_of_a_post(alice: Client, post: Post) -> None:
    page = read(alice.get(reverse("post", args=[post.pk])))
    [link] = page.all("a", href=f"{reverse('new-template')}?post={post.pk}")
    assert post.text in read(alice.get(link["href"])).text


def test_a_label_is_made_renamed_merged_and_deleted(alice: Client, post: Post) -> None:
    alice.post(reverse("new-label"), {"name": "Launch", "colour": "teal"})
    one = Label.objects.get()
    library.put_on(one, [post.pk])
    page = read(alice.get(reverse("labels")))
    assert "1 post with Launch" in page.text
    assert page.all("span", data_colour="teal")
    alice.post(reverse("label", args=[one.pk]), {"name": "Start", "colour": "red", "do": "keep"})
    one.refresh_from_db()
    assert (one.name, one.colour) == ("Start", "red")
    other = library.keep_label(post.team, "Other", "blue")
    url = reverse("label", args=[one.pk])
    assert alice.post(url, {"do": "merge", "into": one.pk}).status_code == 422
    alice.post(url, {"do": "merge", "into": other.pk})
    assert list(post.labels.all()) == [other]
    alice.post(reverse("label", args=[other.pk]), {"do": "delete"})
    assert not Label.objects.exists()


def test_a_label_that_is_wrong_is_said_at_its_field(alice: Client, cast: Cast) -> None:
    library.keep_label(cast.team, "Launch", "teal")
    answer = alice.post(reverse("new-label"), {"name": "LAUNCH", "colour": "teal"})
    assert (answer.status_code, "already" in read(answer).text) == (422, True)
    assert alice.post(reverse("new-label"), {"name": "B", "colour": "plaid"}).status_code == 422


def test_a_post_is_labelled_on_its_page_and_shows_it_on_lists_and_in_the_calendar(
    alice: Client, post: Post
) -> None:
    label = library.keep_label(post.team, "Launch", "teal")
    url = reverse("label-post", args=[post.pk])
    alice.post(url, {"labels": [label.pk], "name": "New one"})
    assert sorted(one.name for one in post.labels.all()) == ["Launch", "New one"]
    for where in (reverse("post", args=[post.pk]), reverse("posts"), reverse("calendar")):
        page = read(alice.get(where))
        assert page.all("span", data_colour="teal")
        assert "Launch" in page.text
    alice.post(url, {"labels": ["x", 10**20]})
    assert not post.labels.exists()


def test_files_are_shown_with_where_they_are_used_and_begin_a_post(
    alice: Client, cast: Cast, post: Post, disk: Disk
) -> None:
    upload = bring(cast)
    Attachment.objects.create(post=post, place=0, upload=upload)
    page = read(alice.get(reverse("files")))
    assert page.all("img", alt="A tower", src=reverse("thumbnail", args=[upload.pk]))
    assert page.all("a", href=reverse("post", args=[post.pk]))
    assert "In 1 post" in page.text
    begin = f"{reverse('new-post')}?file={upload.pk}"
    assert page.all("a", href=begin)
    form = read(alice.get(begin))
    assert form.all("input", name="media-0-upload", value=str(upload.pk))
    assert form.all("input", name="media-0-alt", value="A tower")


def test_the_queries_do_not_grow(alice: Client, cast: Cast, post: Post, disk: Disk) -> None:
    counts = []
    for _ in range(2):
        for _ in range(5):
            Attachment.objects.create(
                post=post, place=Attachment.objects.count(), upload=bring(cast)
            )
            number = Label.objects.count()
            library.put_on(library.keep_label(cast.team, f"Label {number}", "red"), [post.pk])
            library.keep_template(cast.team, f"Template {number}", "Text.")
        for name in ("library", "labels", "files", "posts", "calendar"):
            with CaptureQueriesContext(connection) as asked:
                alice.get(reverse(name))
            counts.append(len(asked))
    assert counts[:5] == counts[5:]
    assert max(counts) <= 20


def test_charlie_sees_nothing_and_a_viewer_only_looks(
    bob: Client, charlie: Client, cast: Cast, post: Post, disk: Disk
) -> None:
    one = library.keep_template(cast.team, "Friday", "Text.")
    label = library.keep_label(cast.team, "Launch", "teal")
    upload = bring(cast)
    urls = [reverse("template", args=[one.pk]), reverse("label", args=[label.pk])]
    urls += [reverse("delete-template", args=[one.pk])]
    for url in urls:
        assert (
            charlie.get(url).status_code == charlie.post(url, {"do": "delete"}).status_code == 404
        )
    assert charlie.post(reverse("label-post", args=[post.pk])).status_code == 404
    assert "Launch" not in read(charlie.get(reverse("labels"))).text
    assert not read(charlie.get(f"{reverse('new-post')}?file={upload.pk}")).all(
        "input", name="media-0-upload", value=str(upload.pk)
    )
    Membership.objects.filter(user=cast.bob).update(role=Role.VIEWER)
    for name in ("library", "labels", "files"):
        page = read(bob.get(reverse(name)))
        assert not page.all("a", **{"class": "btn btn-outline"})
    for url in (*urls, reverse("new-template"), reverse("new-label")):
        assert bob.post(url, {"do": "delete", "name": "A", "text": "B"}).status_code == 404
    assert (Template.objects.count(), Label.objects.count()) == (1, 1)


def test_the_composer_says_what_becomes_of_further_parts(alice: Client, cast: Cast) -> None:
    def offers(wanted: str) -> str:
        for name in providers.names():
            limits = providers.adapter(name).limits
            kind = "comments" if limits.flat_threads else "thread"
            if wanted == (kind if limits.replies else "nothing"):
                return name
        raise LookupError(wanted)

    kinds = {
        "thread": "each part answers the one before it.",
        "comments": "each part stands under the post.",
        "nothing": "Only the first text goes out.",
    }
    for kind in kinds:
        connect(cast, offers(kind))
    text = read(alice.get(reverse("new-post"))).text
    for kind, words in kinds.items():
        assert f"{words} {providers.adapter(offers(kind)).label}" in text
