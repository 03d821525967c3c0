"""What people type to write a post or a draft, or to change one that waits."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.http import QueryDict
from django.utils import timezone

import providers
from accounts.models import Team, User
from posting import lateness
from posting.compose import check, made_by, warnings
from posting.drafts import Content, content_of
from posting.forms.files import MOST_PARTS, FileForms, PostFiles
from posting.forms.writing import FORMATS, MOMENT, MOST_TEXT, WritingForm, lines
from posting.media import Files, even
from posting.models import Post
from posting.revise import standing
from posting.rules import Words
from posting.schedule import Moment, NotUnderstood, resolve, typed
from tokens.models import SocialAccount

NOT_YOURS = dict.fromkeys(
    ("invalid_choice", "invalid_pk_value"), "One of these accounts is not yours."
)
OWN, OPTION, PART = "own", "option", "part"
PASSED_ALREADY = "Its moment has passed: an account that is new here gets it at once."
IS_LINK = URLValidator(["http", "https"], message="Write the whole address, with https://.")


class AccountsForm(forms.Form):
    """The accounts of one team."""

    accounts = forms.ModelMultipleChoiceField(
        queryset=SocialAccount.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        error_messages=NOT_YOURS,
    )

    def offer(self, team: Team, kept: Collection[int] = ()) -> None:
        """Only these can be chosen; those in `kept` even if they have been disconnected."""
        accounts = self.fields["accounts"]
        assert isinstance(accounts, forms.ModelMultipleChoiceField)  # noqa: S101 - for mypy
        mine = SocialAccount.objects.of_posts(team, kept)
        accounts.queryset = mine.select_related("token", "team")


class PostForm(AccountsForm, WritingForm):
    """A new post, a draft or one that waits; `key` makes a form that is sent twice one post.

    `sending` False takes what is there, finished or not. `version` is that of the draft, or of the
    post that waits, as it was shown.
    """

    key = forms.UUIDField(widget=forms.HiddenInput)
    version = forms.IntegerField(required=False, min_value=1, widget=forms.HiddenInput)
    over = forms.IntegerField(required=False, min_value=1, widget=forms.HiddenInput)
    when = forms.CharField(  # type: ignore[assignment]
        required=False,
        max_length=80,
        label="When",
        widget=forms.TextInput(attrs={"placeholder": "fri 9am", "autocomplete": "off"}),
    )
    picked = forms.DateTimeField(
        required=False,
        label="Or pick a day and an hour",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format=MOMENT),
        input_formats=FORMATS,
    )
    link = forms.CharField(
        required=False,
        max_length=2000,
        label="Link",
        widget=forms.URLInput(attrs={"placeholder": "https://"}),
    )

    def __init__(
        self,
        *args: Any,
        team: Team,
        author: User,
        media: Mapping[int, Files] | None = None,
        sending: bool = True,
        draft: Post | None = None,
        waiting: Post | None = None,
        content: Content | None = None,
        **kwargs: Any,
    ) -> None:
        begun = draft or waiting
        late = lateness.of_post(begun) if begun else lateness.of_team(team)
        self.team, self.author, self.draft, self.sending = team, author, draft, sending
        self.waiting = waiting
        self.content, self.media_chosen = content or Content(), media or {}
        self.moment: Moment | None = None
        self.warnings: list[str] = []
        self.at = timezone.now()
        super().__init__(*args, person=author, late=late, **kwargs)
        self.initial = {**self._shown(), **self.initial}
        self.fields["when"].help_text = f"Empty means now. Your time zone: {author.time_zone}."
        self.offer(team, self.kept)

    @property
    def kept(self) -> frozenset[int]:
        """The accounts for which a post waits already: they need not be ready."""
        return frozenset(a.pk for a in self.content.accounts) if self.waiting else frozenset()

    def _shown(self) -> dict[str, Any]:
        """What stands in the form before somebody types."""
        content, begun = self.content, self.draft or self.waiting
        wish = content.wish.astimezone(self.zone) if content.wish else None
        return {
            "key": begun.key if begun else uuid.uuid4(),
            "version": begun.version if begun else None,
            "text": content.text,
            "link": content.link,
            "when": f"{wish:%-d %b %Y %H:%M}" if wish else "",
            "accounts": [account.pk for account in content.accounts],
        }

    @property
    def made(self) -> Post | None:
        """The post that this very form made when it came before; asked before it is judged anew.

        Its moment may have passed since, its account may have gone: none of that counts any more.
        """
        try:
            key = self.fields["key"].clean(self["key"].data)
        except ValidationError:
            return None
        return made_by(self.team, key)

    @property
    def seen(self) -> int | None:
        """The version that the person wrote upon, or knowingly puts theirs in the place of."""
        number = self.cleaned_data.get("over") or self.cleaned_data.get("version")
        return cast("int | None", number)

    @property
    def versions(self) -> dict[int, str]:
        """Texts of single accounts; an empty one is none."""
        if not self.is_bound:
            return dict(self.content.versions)
        found = {pk: lines(words) for (pk, _), words in self._numbered(OWN).items()}
        return {pk: words for pk, words in found.items() if words.strip()}

    @property
    def options(self) -> dict[int, dict[str, str]]:
        """The values of networks' own blanks; empty ones are none."""
        if not self.is_bound:
            return {pk: dict(values) for pk, values in self.content.options.items()}
        found: dict[int, dict[str, str]] = {}
        for (pk, name), value in self._numbered(OPTION).items():
            if value.strip():
                found.setdefault(pk, {})[name] = lines(value).strip()
        return found

    @property
    def parts(self) -> list[str]:
        """What follows the text, with blanks that are still empty."""
        if not self.is_bound:
            return list(self.content.parts)
        data = self.data
        said = data.getlist(PART) if isinstance(data, QueryDict) else data.get(PART, [])
        return [lines(one) for one in said[:MOST_PARTS]]

    def words(self) -> Words:
        """All that it would say, on the accounts that are chosen."""
        content = self.content_now()
        return content.words

    def content_now(self) -> Content:
        """All that stands in the form, for its chosen accounts; call it on a form that was read."""
        data = self.cleaned_data
        accounts = tuple(data.get("accounts") or ())
        chosen = {account.pk for account in accounts}
        parts, files = self._thread()
        return Content(
            text=data.get("text", ""),
            accounts=accounts,
            wish=self.moment.at if self.moment else None,
            late=self.lateness if {"late_after", "when_late"} <= data.keys() else None,
            link=data.get("link", ""),
            parts=parts,
            versions={pk: said for pk, said in self.versions.items() if pk in chosen},
            options={pk: said for pk, said in self.options.items() if pk in chosen},
            media=tuple(files[0]),
            part_media=even(files[1:], len(parts)),
        )

    def _thread(self) -> tuple[tuple[str, ...], list[Files]]:
        """The parts that say or show something, and the files of the text and of each of them.

        A file of a part that is not there any more goes with the text: nothing is lost.
        """
        said, brought = self.parts, self.media_chosen
        stays = [f for part, files in sorted(brought.items()) if part > len(said) for f in files]
        kept = [
            (words, brought.get(part, ()))
            for part, words in enumerate(said, 1)
            if words.strip() or brought.get(part)
        ]
        files = [[*brought.get(0, ()), *stays], *(mine for _, mine in kept)]
        return tuple(words for words, _ in kept), list(files)

    def clean_when(self) -> datetime | None:
        """The moment that was typed, in words or as a date, on the author's own clocks."""
        words = str(self.cleaned_data["when"]).strip()
        if not words:
            return None
        shown = self.initial.get("when")
        if (self.draft or self.waiting) and self.content.wish and words == shown:
            self.moment = Moment(self.content.wish)
        else:
            try:
                self.moment = self._wall(words) or typed(words, self.zone, self.at)
            except NotUnderstood as problem:
                if self.sending:
                    raise ValidationError(str(problem)) from None
                self.warnings.append(f"{problem} The time is not saved.")
                return None
        return self.moment.at

    def clean_picked(self) -> datetime | None:
        """The same from the date field; not both."""
        picked: datetime | None = self.cleaned_data["picked"]
        if picked is None:
            return None
        found = resolve(timezone.make_naive(picked), self.zone)
        if self.moment and self.moment.at != found.at:
            raise ValidationError("Two different moments are given; leave one of them empty.")
        self.moment = found
        return found.at

    def clean_link(self) -> str:
        """A whole address, once it is to go out."""
        link = str(self.cleaned_data["link"]).strip()
        if link and self.sending:
            IS_LINK(link)
        return link

    def clean(self) -> dict[str, Any]:
        """All rules at once, each problem at its field."""
        data = super().clean() or {}
        said = [data.get("text", ""), *self.versions.values(), *self.parts]
        if any(len(words) > MOST_TEXT for words in said):
            self.add_error("text", f"One of these texts has more than {MOST_TEXT} characters.")
        if not self.errors and self.sending:
            self._judge()
        return data

    def _judge(self) -> None:
        content = self.content_now()
        same = self.waiting and content.wish == self.content.wish
        when = None if same else content.wish
        wrong = check(content.words, content.accounts, self.team, when, self.at, known=self.kept)
        if not {"accounts", "when"} & wrong.keys():
            self.foresee()
        self.say(wrong)

    def foresee(self, content: Content | None = None) -> None:
        """Say what will be different from the plan; `content` of a post before somebody types."""
        content, moment = content or self.content_now(), self.moment
        if moment and moment.warning:
            self.warnings.append(moment.warning)
        when, parts = content.wish, len(content.parts)
        if {account.pk for account in content.accounts} - self.kept and self.waiting:
            self.warnings += [PASSED_ALREADY] if when and when < self.at else []
        self.warnings += warnings(
            content.accounts, when, self.at, self.zone, self.waiting, parts, content.media
        )

    def _wall(self, words: str) -> Moment | None:
        """A date as the date field writes it."""
        for way in FORMATS:
            try:
                wall = datetime.strptime(words, way)  # noqa: DTZ007 - a wall time has no zone
                return resolve(wall, self.zone)
            except ValueError:
                continue
        return None

    def _numbered(self, kind: str) -> dict[tuple[int, str], str]:
        """The values of the blanks `kind`-<account>[-<name>]."""
        found: dict[tuple[int, str], str] = {}
        for name, value in cast(Mapping[str, str], self.data).items():
            head, _, rest = name.partition("-")
            number, _, blank = rest.partition("-")
            if head == kind and number.isascii() and number.isdigit() and len(number) <= 18:
                found[int(number), blank] = value
        return found

    @property
    def cards(self) -> list[dict[str, Any]]:
        """What each account can have of its own: a text and its network's blanks, as it stands."""
        own, options = self.versions, self.options
        chosen = {str(value) for value in (self["accounts"].value() or [])}
        accounts = cast(Any, self.fields["accounts"]).queryset
        return [
            {
                "account": account,
                "chosen": str(account.pk) in chosen,
                "own": own.get(account.pk, ""),
                "options": _blanks(account, options.get(account.pk, {})),
            }
            for account in accounts
            if account.provider in providers.ADAPTERS
        ]


@dataclass(frozen=True, slots=True)
class Received:
    """A form as it came, with its files; `made` is the post or draft that it has made before."""

    form: PostForm
    files: FileForms
    made: Post | None


def received(
    data: QueryDict,
    files: Any,
    *,
    team: Team,
    author: User,
    sending: bool = True,
    waiting: Post | None = None,
) -> Received:
    """Read a form that somebody sent; what it has begun before is found by its key.

    `waiting` is the post that it is to change, where that is known.
    """
    here = "media-TOTAL_FORMS" in data  # a form without files is a form
    mine = (data, files) if here else (None, None)
    brought = PostFiles(*mine, prefix="media", form_kwargs={"team": team, "person": author})
    made = waiting or PostForm(data, team=team, author=author).made
    draft = made if made and made.draft else None
    waits = made if made and not made.draft else None
    form = PostForm(
        data,
        team=team,
        author=author,
        media=brought.chosen if here else None,
        sending=sending,
        draft=draft,
        waiting=waits,
        content=content_of(draft) if draft else standing(waits) if waits else None,
    )
    return Received(form, brought, made)


class SplitForm(AccountsForm):
    """A text that is to become a thread; `apart`: each network gets parts of its own."""

    text = forms.CharField(
        strip=False, max_length=MOST_TEXT, error_messages={"required": "Write something first."}
    )
    number = forms.BooleanField(required=False)
    apart = forms.BooleanField(required=False)

    def __init__(self, *args: Any, team: Team, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        accounts = self.fields["accounts"]
        accounts.required = True
        accounts.error_messages["required"] = "Choose at least one account."
        self.offer(team)

    def clean_text(self) -> str:
        """Line ends as networks count them."""
        return lines(str(self.cleaned_data["text"]))


def _blanks(account: SocialAccount, values: Mapping[str, str]) -> list[dict[str, Any]]:
    """`strange`: a value that stands there and is not among the choices any more."""
    fields = providers.adapter(account.provider).post_fields
    held = [(one, values.get(one.name, "")) for one in fields]
    return [
        {"field": one, "value": value, "strange": value and value not in dict(one.choices)}
        for one, value in held
    ]
