"""Persons by file names: the conventions of the data sets, and nobody where none holds."""

import numpy as np
import pytest

from emolib.data.table import CONVENTIONS, person_of, persons


@pytest.mark.parametrize(
    ("convention", "name", "person"),
    [
        ("SFEW", "SomeFilm_123456789_00012345.png", "SomeFilm"),
        ("SFEW", "Two_Words-123456789_00012345.mat", "Two_Words"),
        ("SFEW", "SomeFilm_123456789__00012345.mat", "SomeFilm"),
        ("SFEW", "60_40_123456789_00012345", "60_40"),
        ("SFEW", "ada_000000001.jpeg", "ada"),
        ("SFEW", "Train/Happy/ada_000000001.jpeg", "ada"),
        ("SFEW", "C:\\faces\\ada_000000001.jpeg", "ada"),
        ("SFEW", "Train/HarryPotter_Invented_123456789_00012345.png", "HarryPotter"),
        ("SFEW", "HarryPotterReturns_123456789_00012345.png", "HarryPotter"),
        ("SFEW", "Oceanside_123456789_00012345.png", "Oceanside"),
        ("SFEW", "Oceansong_123456789_00012345.png", "Oceansong"),
        ("SFEW", "OceansFourteen_123456789_00012345.png", "Oceans"),
        ("SFEW", "TheFrame_001234567.png", "TheFrame"),
        ("CK+", "S010_004_00000017.png", "S010"),
        ("CK+", "test/s010_004_00000017.png", "S010"),
        ("JAFFE", "KA.AN1.39.tiff", "KA"),
        ("JAFFE", "NA.SU3.210.tiff", "NA"),
        ("JAFFE", "KM.HA12.7.tiff", "KM"),
        ("JAFFE", "ym-ha2-53.png", "YM"),
        ("KDEF", "AF01ANS.JPG", "F01"),
        ("KDEF", "BF01SUHL.JPG", "F01"),
        ("KDEF", "AM31H.JPG", "M31"),
    ],
)
def test_a_name_states_a_person(convention, name, person):
    assert {each for each in CONVENTIONS if person_of(name, each)} == {convention}
    assert person_of(name, convention) == person


# FER-2013, RAF-DB, AffectNet, cameras and counters
NOBODY = """
Training_10118481.jpg PublicTest_34124.jpg train_00001_aligned.jpg image0000006.jpg
0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5.jpg IMG_20240131_123456.jpg
PXL_20240131_123456789.jpg 20240131_123456789.jpg frame_000000001.png clip-frame_000000001.png
img000000001.png ada_1.png ada.png 12.png AZ01.png
"""


@pytest.mark.parametrize("name", ["", *NOBODY.split()])
def test_other_names_state_nobody(name):
    assert not any(person_of(name, convention) for convention in CONVENTIONS)


def test_one_convention_has_to_hold_for_all_names():
    jaffe, ck = ["KA.AN1.39.tiff", "NA.HA1.4.tiff"], ["S010_004_00000017.png", "S011_001_00000001"]
    assert persons(jaffe)[0].tolist() == ["KA", "NA"]
    assert persons(ck)[0].tolist() == ["S010", "S011"]
    assert persons(jaffe + ck)[0] is None
    found, rows, done = persons([*jaffe, "x.png"])[1][0]
    assert "2 of 3" in found and rows == 3 and "unknown" in done


def test_one_person_alone_is_nobody_known():
    found, said = persons(["ada_000000001", "ada_000000002"])
    assert (
        found is None and "2 of 2 file names say who is who, as in SFEW (persons: 1)" in said[0][0]
    )


def test_persons_stand_in_the_order_of_the_rows():
    rng = np.random.default_rng(0)
    who = rng.choice([f"{a}{b}" for a in "KMNTUY" for b in "ALM"], 200)
    names = [f"{person}.{rng.choice(['AN', 'SU'])}1.{at}.tiff" for at, person in enumerate(who)]
    assert persons(names)[0].tolist() == who.tolist()


@pytest.mark.parametrize(
    "names",
    [
        ("Happy_000000012.png", "Sad_000000013.png"),
        ("neutral_1_123456789.png", "sad_2_123456789.png"),
        ("shutterstock_123456789.jpg", "AdobeStock_987654321.jpeg"),
        ("Screenshot_20230101-120000123.png", "Screenshot_20230102-120000123.png"),
        ("2023-01-01_120000000.png", "2023-01-02_120000000.png"),
        ("cam1_000000001.png", "cam2_000000001.png"),
        ("train_900000001_90000001.png", "test_900000001_90000001.png"),
        ("video1_900000001_90000001.png", "video2_900000001_90000001.png"),
    ],
)
def test_labels_sources_and_counters_are_no_persons(names):
    assert persons(names)[0] is None


def test_films_with_an_emotion_or_digits_in_their_title_are_films():
    names = ["AngryPeople_900000001_90000001.png", "30_50_900000001_90000001.png"]
    assert persons(names)[0].tolist() == ["AngryPeople", "30_50"]
