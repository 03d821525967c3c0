"""Files in posts: they arrive with their words, and what would go wrong is said before."""

from __future__ import annotations

import uuid
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import requests
from django.utils import timezone
from PIL import Image
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

import providers
from integrations.storage import store
from integrations.storage.disk import Disk
from posting.compose import CannotCompose, compose, warnings
from posting.media import Files, attached, of_post, reachable
from posting.models import Attachment, Post, Upload
from posting.rules import Words, wrong
from posting.states import State
from providers.kit.content import Kind, VideoRule
from providers.kit.errors import Rejected, Unavailable
from tests import files
from tests.cast import Cast, Street, connected, edit, filled_in, only, tells_of_the_lost
from tests.files import brought, drawn, encoded, noise
from tests.pages.conftest import connect
from tests.workers.engine import run
from tokens.models import SocialAccount

pytestmark = pytest.mark.django_db(transaction=True)
WITH_PICTURES = [n for n in providers.names() if providers.adapter(n).limits.images is not None]
TWO = "Two views of the same tower."
ALTS = ("A grey tower in fog", "The same tower, “lit” & <golden> 🌇")


def written(
    cast: Cast, accounts: list[SocialAccount], media: Any = (), text: str = TWO, **more: Any
) -> Post:
    more.setdefault("options", {a.pk: filled_in(a.provider) for a in accounts})
    return compose(
        team=cast.team,
        author=cast.alice,
        text=text,
        accounts=accounts,
        at=timezone.now(),
        media=media,
        **more,
    )


def two(cast: Cast) -> list[tuple[Upload, str]]:
    """A photo that is too large for some networks, and a picture of a type that not all take."""
    photo = brought(cast.team, cast.bob, encoded(noise(1300, 900), "JPEG", quality=95))
    sketch = brought(cast.team, cast.bob, encoded(drawn(480, 360, seed=5), "GIF"), "sketch.gif")
    return list(zip((photo, sketch), ALTS, strict=True))


@pytest.fixture(autouse=True)
def served(live_server: LiveServer, settings: Settings) -> None:
    """Networks that fetch pictures find them at this site."""
    settings.PUBLIC_URL = live_server.url


def deaf(name: str) -> bool:
    """Whether this network takes no descriptions."""
    rule = providers.adapter(name).limits.images
    assert rule is not None
    return rule.alt_limit is None


def assert_described(name: str, arrived: Any) -> None:
    """Every picture with its words; a network that has one place for them has all of them there."""
    said = [one["alt"] for one in arrived["media"]]
    if deaf(name):
        assert said == ["", ""]
    else:
        assert said in (list(ALTS), ["\n".join(ALTS)] * 2)


# --- to the networks ----------------------------------------------------------------------------
def test_two_pictures_with_their_words_reach_every_network_that_takes_them(
    cast: Cast, street: Street, disk: Disk
) -> None:
    accounts = [connected(street, cast.team, name) for name in WITH_PICTURES]
    media = two(cast)
    assert media[0][0].size > 1_000_000
    post = written(cast, accounts, media)
    run(post, 60)
    lines = {str(one): one.words for one in post.results.exclude(state=State.POSTED)}
    assert lines == {}
    assert len(accounts) >= 3
    for name in WITH_PICTURES:
        [arrived] = street.board(name)
        assert (arrived["text"], len(arrived["media"])) == (TWO, 2)
        rule = providers.adapter(name).limits.images
        assert rule is not None
        sent = attached(post.pk, 0, name)
        assert [m["sha256"] for m in arrived["media"]] == [
            sha256(one.read()).hexdigest() for one in sent
        ]
        assert_described(name, arrived)
        for one in sent:
            assert one.mime in rule.types
            assert one.size == len(one.read()) <= rule.max_bytes
            with Image.open(BytesIO(one.read())) as picture:
                assert picture.size == (one.width, one.height)


@pytest.mark.parametrize("name", WITH_PICTURES)
def test_pictures_alone_are_a_post(name: str, cast: Cast, street: Street, disk: Disk) -> None:
    post = written(cast, [connected(street, cast.team, name)], two(cast), text="")
    assert run(post) == [State.POSTED]
    [arrived] = street.board(name)
    assert (arrived["text"], len(arrived["media"])) == ("", 2)


@pytest.mark.parametrize("name", [n for n in WITH_PICTURES if tells_of_the_lost(n)])
def test_a_lost_answer_doubles_no_picture(
    name: str, cast: Cast, street: Street, disk: Disk
) -> None:
    post = written(cast, [connected(street, cast.team, name)], two(cast))
    street.trouble(name, "drop_after", purpose="publish")
    assert run(post) == [State.POSTED]
    [arrived] = street.board(name)
    assert_described(name, arrived)


def test_a_file_that_is_gone_is_said_and_not_sent(cast: Cast, street: Street, disk: Disk) -> None:
    media = two(cast)
    post = written(cast, [connected(street, cast.team, WITH_PICTURES[0])], media)
    for kept in list(disk.every("")):
        disk.remove(kept.key)
    assert run(post) == [State.FAILED]
    assert "not there any more" in only(post).words
    assert street.board() == []


def test_the_file_name_of_a_person_goes_nowhere(cast: Cast, disk: Disk) -> None:
    upload = brought(cast.team, cast.bob, files.telling(), "my divorce.jpg")
    post = written(cast, [connect(cast, WITH_PICTURES[0])], [(upload, "")])
    [media] = attached(post.pk, 0, WITH_PICTURES[0])
    assert media.name == "image-1.jpg"


def test_a_store_that_is_away_is_waited_for(cast: Cast, disk: Disk, settings: Settings) -> None:
    post = written(cast, [connect(cast, WITH_PICTURES[0])], two(cast))
    sent = attached(post.pk, 0, WITH_PICTURES[0])
    nowhere = {
        "bucket_name": "files",
        "region_name": "auto",
        "endpoint_url": "http://127.0.0.1:1",
        "access_key": "a",
        "secret_key": "b",
    }
    where = {"BACKEND": "integrations.storage.s3.Bucket", "OPTIONS": nowhere}
    settings.STORAGES = {**settings.STORAGES, "default": where}
    with pytest.raises(Unavailable, match="nothing was sent"):
        sent[0].open()


# --- what is written ----------------------------------------------------------------------------
def test_the_order_and_the_parts_stay(cast: Cast, disk: Disk) -> None:
    media = two(cast)
    post = written(cast, [connect(cast, WITH_PICTURES[0])], media)
    Attachment.objects.create(post=post, part=1, place=0, upload=media[0][0], alt="again")
    assert of_post(post.pk) == media
    assert of_post(post.pk, 1) == [(media[0][0], "again")]


def test_a_post_that_is_refused_leaves_nothing(cast: Cast, disk: Disk) -> None:
    media = [(media, "") for media, _ in two(cast)] * 3
    few = {n: r.most for n in WITH_PICTURES if (r := providers.adapter(n).limits.images)}
    few = {name: most for name, most in few.items() if most < len(media)}
    with pytest.raises(CannotCompose) as told:
        written(cast, [connect(cast, name) for name in few], media)
    assert told.value.problems == {
        "media": [
            f"{providers.adapter(name).label}: at most {most} pictures (6 given)."
            for name, most in few.items()
        ]
    }
    assert not Post.objects.exists()


def test_the_same_form_twice_attaches_once(cast: Cast, disk: Disk) -> None:
    media, key = two(cast), uuid.uuid4()
    account = connect(cast, WITH_PICTURES[0])
    first, second = (written(cast, [account], media, key=key) for _ in range(2))
    assert first == second
    assert Attachment.objects.count() == 2


def test_charlies_file_is_not_alices(cast: Cast, disk: Disk) -> None:
    strange = brought(cast.other_team, cast.charlie, files.telling())
    with pytest.raises(CannotCompose) as told:
        written(cast, [connect(cast, WITH_PICTURES[0])], [(strange, "")])
    assert told.value.problems == {"media": ["One of these files is not yours."]}


def test_an_unfinished_file_is_not_posted(cast: Cast, disk: Disk) -> None:
    upload = brought(cast.team, cast.bob, files.telling())
    Upload.objects.filter(pk=upload.pk).update(status="pending")
    with pytest.raises(CannotCompose, match="not arrived completely"):
        written(cast, [connect(cast, WITH_PICTURES[0])], [(upload, "")])


def test_the_text_of_a_post_with_pictures_may_be_taken_away(cast: Cast, disk: Disk) -> None:
    post = written(cast, [connect(cast, WITH_PICTURES[0])], two(cast))
    edit(post, seen=post.version, at=timezone.now(), text="")
    post.refresh_from_db()
    assert post.text == ""
    bare = written(cast, [connect(cast, WITH_PICTURES[0], "other")])
    with pytest.raises(CannotCompose, match="Write something"):
        edit(bare, seen=bare.version, at=timezone.now(), text="")


def test_one_question_answers_for_text_and_files(cast: Cast, disk: Disk) -> None:
    accounts = [connect(cast, WITH_PICTURES[0])]
    many = [(one, "") for one, _ in two(cast)] * 3
    said = wrong(Words("a" * 10_000, media=many), accounts)
    assert said.keys() == {"text", "media"}
    assert "pictures (6 given)" in said["media"][-1]
    assert wrong(Words("Good morning."), accounts) == {}


def media_misfits(media: Files, accounts: list[SocialAccount]) -> list[str]:
    """What is said about the files of a post with some words."""
    return wrong(Words("Look at this.", media=media), accounts).get("media", [])


# --- what an author should know -----------------------------------------------------------------
def nudged(cast: Cast, media: list[tuple[Upload, str]]) -> list[str]:
    accounts = [connect(cast, name) for name in WITH_PICTURES]
    return warnings(accounts, None, timezone.now(), timezone.get_current_timezone(), media=media)


def test_a_missing_description_is_a_nudge_and_no_error(cast: Cast, disk: Disk) -> None:
    [first, second] = two(cast)
    said = nudged(cast, [first, (second[0], " ")])
    [words] = [one for one in said if "sketch.gif" in one]
    assert words.startswith("sketch.gif has no description")
    unheard = [one for one in said if "takes no descriptions" in one]
    assert bool(unheard) is any(deaf(name) for name in WITH_PICTURES)


def test_a_movement_that_ends_is_said(cast: Cast, disk: Disk) -> None:
    upload = brought(cast.team, cast.bob, files.moving(), "dance.gif")
    rules = {name: providers.adapter(name).limits.images for name in WITH_PICTURES}
    still = [name for name, rule in rules.items() if rule and "image/gif" not in rule.types]
    labels = ", ".join(providers.adapter(name).label for name in still)
    said = f"dance.gif moves; on {labels} only its first picture is shown."
    assert said in nudged(cast, [(upload, "A dance")])


# --- networks that fetch ------------------------------------------------------------------------
@pytest.fixture
def fetching(monkeypatch: pytest.MonkeyPatch) -> str:
    """A network whose rule says that it fetches pictures from us."""
    kind = providers.adapter(WITH_PICTURES[0])
    assert kind.limits.images is not None
    fetched = replace(kind.limits.images, by_url=True)
    monkeypatch.setattr(kind, "limits", replace(kind.limits, images=fetched))
    return kind.name


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://93.184.215.14/a.jpg", "cannot from http://93.184.215.14"),
        ("https://127.0.0.1:8000/a.jpg", "127.0.0.1 is a private address"),
        ("https://10.1.2.3/a.jpg", "10.1.2.3 is a private address"),
        ("https://[::1]/a.jpg", "::1 is a private address"),
        ("https://no-such-host.invalid/a.jpg", "no-such-host.invalid has no address"),
        ("https://93.184.215.14/a.jpg", ""),
    ],
)
def test_what_nobody_outside_can_reach_is_said_with_the_cure(url: str, words: str) -> None:
    said = reachable(url)
    assert words in said
    assert bool(said) is bool(words)
    if words:
        assert said.endswith("begins with https:// and can be reached from outside.")


def test_a_site_that_cannot_be_reached_is_said_at_compose_time(
    fetching: str, cast: Cast, disk: Disk, settings: Settings
) -> None:
    media, account = two(cast), connect(cast, fetching)
    settings.PUBLIC_URL = "https://192.168.1.5"
    [words] = media_misfits(media, [account])
    assert words.startswith(f"{account.label}: it fetches files from this site, and 192.168.1.5")
    assert "Set PUBLIC_URL" in words
    settings.PUBLIC_URL = "https://93.184.215.14"
    assert media_misfits(media, [account]) == []


def test_on_the_practice_street_loopback_is_near_enough(
    fetching: str, street: Street, cast: Cast, disk: Disk
) -> None:
    account = connected(street, cast.team, fetching)
    assert media_misfits(two(cast), [account]) == []


def test_the_signed_address_gives_what_fits_the_network(
    fetching: str, cast: Cast, disk: Disk, settings: Settings, live_server: LiveServer
) -> None:
    account = connect(cast, fetching)
    settings.PUBLIC_URL = live_server.url
    settings.TRUSTED_ORIGINS = [v for v in settings.PROVIDER_OPTIONS[fetching].values() if v]
    post = written(cast, [account], two(cast))
    for media in attached(post.pk, 0, fetching):
        answer = requests.get(media.url, timeout=10)
        assert answer.content == media.read()
        assert answer.headers["Content-Type"] == media.mime
        assert media.url not in repr(media)


# --- videos -------------------------------------------------------------------------------------
WITH_VIDEO = [n for n in providers.names() if providers.adapter(n).limits.video is not None]


@pytest.mark.parametrize("name", WITH_VIDEO)
def test_a_video_arrives(name: str, cast: Cast, street: Street, disk: Disk) -> None:
    upload = brought(cast.team, cast.bob, files.film(), "tower.mp4")
    post = written(cast, [connected(street, cast.team, name)], [(upload, "")])
    assert run(post) == [State.POSTED]
    [arrived] = street.board(name)
    [media] = attached(post.pk, 0, name)
    assert (media.kind, media.seconds, media.width) == (Kind.VIDEO, 6.5, 640)
    assert [m["sha256"] for m in arrived["media"]] == [upload.sha256]


def test_a_video_that_is_too_long_is_said_with_the_numbers(
    cast: Cast, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = next(n for n in WITH_VIDEO if isinstance(video_of(n), VideoRule) and video_of(n).longest)
    upload = brought(cast.team, cast.bob, files.film(seconds=90_000), "tower.mp4")
    [words] = media_misfits([(upload, "")], [connect(cast, name)])
    assert "tower.mp4 is too long (at most" in words


def video_of(name: str) -> Any:
    return providers.adapter(name).limits.video


def test_a_network_without_videos_says_so(cast: Cast, disk: Disk) -> None:
    upload = brought(cast.team, cast.bob, files.film(), "tower.mp4")
    name = next(n for n in providers.names() if video_of(n) is None)
    [words] = media_misfits([(upload, "")], [connect(cast, name)])
    assert words.endswith("no videos (1 given).")
    post = Post.objects.create(team=cast.team, text="", due_at=timezone.now())
    Attachment.objects.create(post=post, place=0, upload=upload)
    with pytest.raises(Rejected):
        attached(post.pk, 0, name)


def test_files_stay_where_the_operator_put_them(disk: Disk, tmp_path: Path) -> None:
    assert Path(disk.path("")) == tmp_path / "media"
    assert store() is disk
