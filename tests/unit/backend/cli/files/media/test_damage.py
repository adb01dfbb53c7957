"""Damaged places are named as briefly as the reader needs."""

from backend.cli.files.media.damage import Damage


def named(*places: tuple[float, float], has_junk: bool = True) -> str:
    damage = Damage()
    for start_s, end_s in places:
        damage.add(start_s, end_s, has_junk=has_junk)
    return str(damage) if damage else ""


def test_lost_sound_has_a_beginning_and_an_end_and_junk_has_a_place() -> None:
    assert named((12.34, 13.41)) == "between 12.3 s and 13.4 s"
    assert named((12.34, 12.34)) == "at 12.3 s"


def test_damage_too_short_to_matter_is_not_named() -> None:
    assert named((12.34, 12.38), has_junk=False) == ""
    assert named((12.34, 12.64), has_junk=False) == "between 12.3 s and 12.6 s"


def test_near_places_are_one_and_many_places_are_counted() -> None:
    assert named((1.0, 2.0), (2.2, 3.0), (8.0, 9.0)) == "between 1.0 s and 3.0 s and between 8.0 s and 9.0 s"
    many = named(*((float(at), float(at)) for at in range(10, 60, 10)))
    assert many == "at 10.0 s, at 20.0 s, at 30.0 s and in 2 more places"
