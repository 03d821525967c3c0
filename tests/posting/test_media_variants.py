"""A picture as a network wants it: it fits, it was made once, and its shape is its author's."""

from __future__ import annotations

import threading
from dataclasses import replace
from io import BytesIO

import pytest
from django.db import connection
from PIL import Image

from integrations.storage import store
from integrations.storage.disk import Disk
from posting.models import Upload, Variant
from posting.variants import Unfit, fingerprint, fit, misfits
from providers.kit.content import ImageRule, Limits, TextRule, Unit
from tests import files
from tests.cast import Cast
from tests.files import brought, drawn, encoded, noise

pytestmark = pytest.mark.django_db
JPEG = ImageRule(4, ("image/jpeg",), 1_000_000, alt_limit=10)
ANY = replace(JPEG, types=("image/jpeg", "image/png", "image/webp"))


def content(variant: Variant) -> bytes:
    with store().fetch(variant.key) as file:
        return file.read()


def seen(variant: Variant) -> Image.Image:
    return Image.open(BytesIO(content(variant)))


def test_what_fits_is_not_made_again(cast: Cast, disk: Disk) -> None:
    upload = brought(cast.team, cast.bob, files.telling())
    assert fit(upload, ANY).key == upload.key


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF"])
def test_a_type_that_is_not_taken_becomes_one_that_is(kind: str, cast: Cast, disk: Disk) -> None:
    made = fit(brought(cast.team, cast.bob, encoded(drawn(60, 40), kind)), JPEG)
    picture = seen(made)
    assert (made.mime, picture.format, picture.size) == ("image/jpeg", "JPEG", (60, 40))


def test_what_was_clear_becomes_white(cast: Cast, disk: Disk) -> None:
    clear = Image.new("RGBA", (40, 40), (255, 0, 0, 0))
    made = fit(brought(cast.team, cast.bob, encoded(clear, "PNG")), JPEG)
    pixel = seen(made).convert("RGB").getpixel((20, 20))
    assert isinstance(pixel, tuple)
    assert min(pixel) > 250


def test_what_is_clear_stays_so_where_it_can(cast: Cast, disk: Disk) -> None:
    clear = Image.new("RGBA", (400, 400), (255, 0, 0, 0))
    made = fit(brought(cast.team, cast.bob, encoded(clear, "PNG")), replace(ANY, max_side=100))
    picture = seen(made).convert("RGBA")
    assert (made.mime, picture.size, picture.getpixel((5, 5))[3]) == ("image/png", (100, 100), 0)  # type: ignore[index]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("most", [60_000, 9_000])
def test_it_becomes_as_small_as_it_must(kind: str, most: int, cast: Cast, disk: Disk) -> None:
    upload = brought(cast.team, cast.bob, encoded(noise(640, 360), kind))
    assert upload.size > most
    made = fit(upload, replace(ANY, max_bytes=most))
    assert made.size == len(content(made)) <= most
    width, height = seen(made).size
    assert (width, height) == (made.width, made.height)
    assert abs(width / height - 640 / 360) < 0.05


@pytest.mark.parametrize(
    ("rule", "size"),
    [({"max_side": 320}, (320, 180)), ({"max_pixels": 57_600}, (320, 180)), ({}, (640, 360))],
)
def test_it_has_no_more_pixels_than_may_be(
    rule: dict[str, int], size: tuple[int, int], cast: Cast, disk: Disk
) -> None:
    upload = brought(cast.team, cast.bob, encoded(drawn(640, 360)))
    assert seen(fit(upload, replace(JPEG, **rule))).size == size  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "CMYK", "I;16", "1"])
def test_every_way_of_keeping_colours_can_be_made_a_jpeg(mode: str, cast: Cast, disk: Disk) -> None:
    kind = "JPEG" if mode == "CMYK" else "PNG"
    image = Image.new(mode, (600, 300))
    made = fit(brought(cast.team, cast.bob, encoded(image, kind)), replace(JPEG, max_side=300))
    assert seen(made).size == (300, 150)


SHAPES = [
    ({"max_aspect": 1.91}, "too wide for its height (2.00 : 1, at most 1.91 : 1)"),
    ({"min_aspect": 2.5}, "too tall for its width (2.00 : 1, at least 2.5 : 1)"),
    ({"min_width": 321}, "too small (320 pixels wide, 321 are needed)"),
]


@pytest.mark.parametrize(("rule", "words"), SHAPES)
def test_a_shape_is_never_changed_but_refused_with_the_numbers(
    rule: dict[str, float], words: str, cast: Cast, disk: Disk
) -> None:
    upload, wanted = brought(cast.team, cast.bob, encoded(drawn(320, 160))), replace(JPEG, **rule)  # type: ignore[arg-type]
    with pytest.raises(Unfit, match="too") as told:
        fit(upload, wanted)
    assert words in str(told.value)
    limits = Limits(TextRule(100, Unit.CODE_POINTS), images=wanted)
    assert misfits([(upload, "")], limits, "Net") == (f"Net: tower.jpg is {words}.",)


def test_what_cannot_be_made_small_enough_is_refused(cast: Cast, disk: Disk) -> None:
    upload = brought(cast.team, cast.bob, encoded(noise(640, 360)))
    with pytest.raises(Unfit, match=r"cannot be made smaller than 0.0001 MB"):
        fit(upload, replace(JPEG, max_bytes=100))
    assert [kept.key for kept in disk.every("")] == [upload.key]


def test_it_is_made_once(cast: Cast, disk: Disk) -> None:
    upload = brought(cast.team, cast.bob, encoded(drawn(640, 360)))
    small = replace(JPEG, max_side=100)
    assert fit(upload, small) == fit(upload, replace(small, most=9, alt_limit=None))
    assert Variant.objects.count() == 1
    assert len(list(disk.every(""))) == 2


def test_what_matters_to_the_picture_makes_another_one() -> None:
    changes = ({"max_side": 9}, {"max_bytes": 9}, {"types": ("image/png",)}, {"max_pixels": 9})
    seals = [fingerprint(JPEG), *(fingerprint(replace(JPEG, **each)) for each in changes)]
    assert len(set(seals)) == 5


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_get_the_same_one(cast: Cast, disk: Disk) -> None:
    upload = brought(cast.team, cast.bob, encoded(drawn(640, 360)))
    together, made, rule = threading.Barrier(2), list[int](), replace(JPEG, max_side=100)

    def go() -> None:
        mine = Upload.objects.get(pk=upload.pk)
        together.wait()
        made.append(fit(mine, rule).pk)
        connection.close()

    both = [threading.Thread(target=go) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert len(made) == 2
    assert len(set(made)) == 1
    assert len(list(disk.every(""))) == 2


def test_what_can_be_made_to_fit_is_no_misfit(cast: Cast, disk: Disk) -> None:
    upload = brought(cast.team, cast.bob, encoded(noise(640, 360), "PNG"))
    limits = Limits(TextRule(100, Unit.CODE_POINTS), images=replace(JPEG, max_bytes=50_000))
    assert upload.size > 500_000
    assert misfits([(upload, "a tower")], limits, "Net") == ()


def test_too_many_and_too_long_are_said_with_the_numbers(cast: Cast, disk: Disk) -> None:
    upload = brought(cast.team, cast.bob, files.telling())
    limits = Limits(TextRule(100, Unit.CODE_POINTS), images=JPEG)
    said = misfits([(upload, "a" * 12), *[(upload, "")] * 4], limits, "Net")
    assert said == (
        "Net: at most 4 pictures (5 given).",
        "Net: tower.jpg has a description that is 2 characters too long (at most 10).",
    )
