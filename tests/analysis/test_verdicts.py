"""A verdict follows from the rows: change a number and the verdict changes."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from emolib import paper
from emolib.analysis import evidence
from emolib.analysis.evidence import DRAWN, PAIRS, PAPER_MODELS, READINGS, ROW
from emolib.analysis.verdicts import (
    COMPATIBLE,
    CONTRADICTED,
    NOT,
    NOT_JUDGED,
    NOT_RERUN,
    REPRODUCED,
    RULES,
    RULES_IN_WORDS,
    UNDECIDED,
    UNTESTABLE,
    WEAKEST_FIRST,
    Evidence,
    Part,
    evaluate_claims,
    headline,
    sensitivity,
)
from emolib.folds import PROTOCOLS

EMOTIONS = (*paper.EMOTIONS, "average")
WIDTHS, ANGLES = (6, 11, 16), (0.0, 60.0, 90.0)
CHANCE = 1 / 7


def row(kind, model, name, setting, emotion, estimate, half=0.008, **columns):
    found = {"id": ", ".join((model, name, *setting)), "kind": kind, "model": model}
    found |= dict(zip(("protocol", "recipe"), setting, strict=True)) | {"emotion": emotion}
    found |= {"estimate": estimate, "low": estimate - half, "high": estimate + half}
    found |= {"row_low": estimate - half / 2, "row_high": estimate + half / 2, "null": CHANCE}
    return found | columns


def gap(better, worse, setting, emotion, estimate, **columns):
    columns |= {"first": better, "second": worse}
    return row("difference", f"{better} − {worse}", emotion, setting, emotion, estimate, **columns)


def of_widths(setting, modality, reading, shift):
    """Rows of three widths by one reading of Figures 6a and 9."""
    own = {"modality": modality, **READINGS[reading]}
    names = [f"{modality} with {units}, {reading}" for units in WIDTHS]
    rows = [
        row("by width", name, "recall", setting, "average", 0.2 + shift, hidden=units, **own)
        for units, name in zip(WIDTHS, names, strict=True)
    ]
    narrow, middle, wide = names
    ends = own | {"step": "narrow to wide", "hidden": 16}
    rows.append(gap(wide, narrow, setting, "average", 0.1, **ends))
    rows.append(gap(wide, narrow, setting, "Happy", -0.1, **ends))
    for better, worse, units, happy in ((middle, narrow, 11, 0.1), (wide, middle, 16, -0.2)):
        step = "middle to wide" if units == 16 else "narrow to middle"
        of_step = own | {"step": step, "hidden": units}
        rows.append(gap(better, worse, setting, "Happy", happy, **of_step))
    return [*rows, row("compression", narrow, f"compression to {wide}", setting, None, 0.1, **own)]


def of_angles(setting, modality, taken, shift):
    """Rows of three minimal angles by one way of taking activations."""
    made = {"activation_shift": taken, "modality": modality}
    names = {angle: f"{modality} at {angle:g}° by {taken}" for angle in ANGLES}
    rows = [
        row("by angle", name, "recall", setting, "average", 0.2 + shift, angle=angle, **made)
        for angle, name in names.items()
    ]
    made["step"] = "to 60°"
    return rows + [
        gap(names[60.0], names[a], setting, "average", 0.1, angle=a, **made) for a in (0.0, 90.0)
    ]


@pytest.fixture(scope="module")
def world(drawn):
    """The measurements of a world in which the paper holds, as far as it does not contradict
    itself.
    """
    values = {
        model: dict(zip(EMOTIONS, (*paper.TABLE_3[model], average), strict=True))
        for model, average in paper.TABLE_3_AVERAGE.items()
    }
    values |= {
        name: dict.fromkeys(EMOTIONS, 0.05) for pair in PAIRS for name in pair if "," in name
    }
    values["CNN fusion with image"] = dict.fromkeys(EMOTIONS, 0.5)
    rows = []
    for setting in product(PROTOCOLS, ("printed", "converged")):
        shift = -0.1 * (setting[1] == "printed")
        for model, e in product(values, EMOTIONS):
            level = values[model][e] + shift
            rows.append(row("recall", model, f"recall, {e}", setting, e, level))
            if e == "average":
                rows += [
                    row(m, model, m, setting, e, level) for m in ("accuracy", "average precision")
                ]
        for (better, worse), e in product(PAIRS, EMOTIONS):
            difference = values[better][e] - values[worse][e]
            # the CNNs of Table 3 are no worse than its shallow nets on PHOG, and 3 points on LPQ
            difference += 0.03 if (better, worse) == ("LPQ CNN", "LPQ shallow") else 0
            rows.append(gap(better, worse, setting, e, difference))
        for pair in ("Angry, Surprise", "Surprise, Sad"):
            rows.append(row("confusion", "PHOG shallow", pair, setting, pair, 0.1))
        for model, kind in product(PAPER_MODELS, ("linear", "falling")):
            rows.append(row(kind, model, kind, setting, None, 0.0, half=0))
        for modality in ("LPQ", "PHOG"):
            for reading in READINGS:
                rows += of_widths(setting, modality, reading, shift)
            for taken in (0.5, 0.0):
                rows += of_angles(setting, modality, taken, shift)
        pruned, _, unpruned = (f"PHOG with 16, {reading}" for reading in READINGS)
        step = {"step": "unpruned to pruned", "modality": "PHOG", "hidden": 16}
        rows += [gap(pruned, unpruned, setting, e, 0.1, **step) for e in ("Angry", "Happy")]
    data = evidence.of_data(drawn)
    held = {"scaled median": 0.42, "median": 0.0, "smallest": -0.05, "largest": 0.15, "rows": 675}
    data["estimate"] = data["measure"].map(held).fillna(data["estimate"])
    data = data[data["id"] != DRAWN]
    found = pd.concat([pd.DataFrame(rows), data, evidence.printed()], ignore_index=True)
    assert found["id"].is_unique
    return found.reindex(columns=ROW)


def verdicts(rows, **options):
    return evaluate_claims(rows, **options).set_index("id")["verdict"]


def changed(rows, ids, **values):
    """The rows with some columns of some ids (a pattern) changed; a change of the estimate moves
    the interval.
    """
    rows = rows.copy()
    chosen = rows["id"].str.fullmatch(ids)
    assert chosen.any(), ids
    if "estimate" in values:
        for end in ("low", "high", "row_low", "row_high"):
            rows.loc[chosen, end] += values["estimate"] - rows.loc[chosen, "estimate"]
    for column, value in values.items():
        rows.loc[chosen, column] = value
    return rows


OWN = {"lpq-cnn-angry", "phog-strong", "fusion-best-four", "lpq-best-fear", "lpq-worse-elsewhere"}
ARITHMETIC = {"averages", "table-2", "similar-pair"}
OF_DATA = {"rows", "raw-range", "raw-centres", "feature-centres"}
# What does not hold even where the tables do: 46 % is not a point above 45 %, and 38 % on Disgust is
# not limited.
DOUBTFUL = {
    "phog-best-happy": UNDECIDED,
    "fusion-weak-disgust": NOT,
    "shallow-gain": UNDECIDED,  # the baseline is an estimate as well
    "fusion-gain": COMPATIBLE,
    "same-measure": UNTESTABLE,
}


def test_each_claim_has_one_rule_and_one_row(world):
    claims = evaluate_claims(world)
    assert [claim.id for claim in paper.CLAIMS] == list(claims["id"])
    assert {claim.id for claim in paper.CLAIMS} == set(RULES)
    assert set(claims["evidence"].sum()) <= set(world["id"])
    assert claims.set_index("id")["evidence"].map(len).drop("same-measure").min() > 0
    assert {rule for rules in claims["rule"] for rule in rules.split(", ")} <= set(RULES_IN_WORDS)
    assert set(claims["id"][claims["kind"] == "arithmetic"]) == ARITHMETIC
    assert set(claims["id"][claims["kind"] == "the data"]) == OF_DATA


def test_in_a_world_where_the_paper_holds_only_its_own_contradictions_remain(world):
    found = verdicts(world)
    assert (found[list(OWN)] == CONTRADICTED).all()
    assert found[list(DOUBTFUL)].to_dict() == DOUBTFUL
    others = found.drop([*OWN, *DOUBTFUL])
    assert (others == REPRODUCED).all(), others[others != REPRODUCED]


@pytest.mark.parametrize("claim", sorted(set(RULES) - {"same-measure", "lpq-worse-elsewhere"}))
def test_every_verdict_changes_with_the_rows_it_names(world, claim):
    """The measured numbers that a verdict rests on, or the printed ones where it rests on no others
    or is contradicted by them, are moved at random.
    """
    before = evaluate_claims(world).set_index("id").loc[claim]
    named = world["id"].isin(before["evidence"])
    measured = named & (world["kind"] != "printed")
    chosen = named if before["verdict"] == CONTRADICTED or not measured.any() else measured
    for seed in range(300):
        random, moved = np.random.default_rng(seed), world.copy()
        step = random.normal(size=(chosen.sum(), 1))
        scale = moved.loc[chosen, ["estimate"]].abs().clip(lower=1).to_numpy()  # counts are large
        moved.loc[chosen, ["estimate", "low", "high"]] += step * scale
        parts = RULES[claim](Evidence(moved))
        words = {word for part in parts for word in part.verdicts(0.01).values()}
        if min(words, key=WEAKEST_FIRST.index) != before["verdict"]:
            return
    pytest.fail("no change of its rows changes the verdict")


FUSION = "CNN fusion, recall, average, .*"
CHANGES = [
    # the weaker protocol decides
    ("CNN fusion, recall, average, random, .*", dict(estimate=0.15), {"fusion": NOT}),
    ("CNN fusion, recall, average, person-.*", dict(low=0.25), {"fusion": COMPATIBLE}),
    (FUSION, dict(estimate=0.15), {"fusion": NOT, "fusion-gain": NOT, "lpq-cnn": REPRODUCED}),
    # an interval that holds the figure and chance shows nothing
    (FUSION, dict(low=0.1, high=0.4), {"fusion": UNDECIDED, "lpq-cnn": REPRODUCED}),
    (FUSION, dict(low=0.16, high=0.4, null=0.17), {"fusion": UNDECIDED}),
    (FUSION, dict(low=0.16, high=0.4, null=0.15), {"fusion": COMPATIBLE}),
    # a difference that is at most equivalent is refuted, one whose interval holds the margin open
    ("CNN fusion − LPQ CNN, average, .*", dict(low=0.009), {"fusion-beats-either": UNDECIDED}),
    ("CNN fusion − LPQ CNN, average, .*", dict(low=0, high=0.009), {"fusion-beats-either": NOT}),
    ("PHOG shallow − LPQ shallow, average, .*", dict(estimate=0.0), {"phog-beats-lpq": NOT}),
    # no worse than the margin is enough to be competitive
    ("PHOG CNN − PHOG shallow, .*", dict(low=-0.02), {"few-parameters": UNDECIDED}),
    ("PHOG CNN − PHOG shallow, .*", dict(low=-0.05, high=-0.02), {"few-parameters": NOT}),
    ("parameters, CNN", dict(estimate=100), {"few-parameters": REPRODUCED}),
    # other measures stand beside a level and do not count
    ("CNN fusion, accuracy, .*", dict(estimate=0.9), {"fusion": REPRODUCED}),
    # one modality is not enough; other readings stand beside and decide nothing
    ("LPQ with 16, .*shifted − LPQ with 6, .*", dict(estimate=-0.1), {"more-units": NOT}),
    (".* with 16, unpruned − .*", dict(estimate=-0.1), {"more-units": REPRODUCED}),
    ("LPQ at 60° by 0.5 − .*", dict(estimate=-0.1), {"best-angle": NOT}),
    (".* at 60° by 0.0 − .*", dict(estimate=-0.1), {"best-angle": REPRODUCED}),
    # the best angle must be the best
    (".* at 60° by .* − .* at 90° .*", dict(estimate=0.0), {"best-angle": NOT}),
    # emotions are told from others where recall lies above that of exchanged labels
    ("PHOG CNN, recall, Happy, .*", dict(null=0.46), {"phog-cnn-happy": NOT}),
    ("PHOG CNN, recall, Happy, .*", dict(low=0.15), {"phog-cnn-happy": UNDECIDED}),
    ("CNN fusion, recall, Disgust, .*", dict(null=0.38), {"fusion-weak-disgust": REPRODUCED}),
    # the printed table is judged before ours
    ("paper, PHOG shallow, Surprise", dict(estimate=0.3), {"phog-strong": NOT}),
    ("paper, CNN fusion, average", dict(estimate=0.4), {"averages": CONTRADICTED}),
    ("paper, LPQ CNN, Angry", dict(estimate=0.2), {"lpq-cnn-angry": NOT}),
    ("paper, LPQ CNN, .*", dict(estimate=0.0), {"lpq-worse-elsewhere": NOT}),
    ("scaled median, LPQ, feature 3", dict(estimate=0.6), {"feature-centres": NOT}),
    ("rows", dict(estimate=674), {"rows": NOT}),
    (".*, falling, .*", dict(low=0.4, high=0.6), {"converged": UNDECIDED}),
    ("LPQ CNN, falling, .*", dict(low=0.6, high=0.6), {"converged": NOT}),
    ("angle between units 5 and 6 .*", dict(estimate=2.0), {"similar-pair": CONTRADICTED}),
    ("angle between units 5 and 6 .*", dict(estimate=13.11), {"table-2": CONTRADICTED}),
]


@pytest.mark.parametrize(("ids", "values", "expected"), CHANGES)
def test_a_verdict_changes_with_its_numbers(world, ids, values, expected):
    found = verdicts(changed(world, ids, **values))
    assert found[list(expected)].to_dict() == expected


def of_interval(rule, low, high, **values):
    """The verdict of one interval."""
    limits = {"estimate": [(low + high) / 2], "low": [low], "high": [high], "null": [CHANCE]}
    rows = pd.DataFrame(limits | {"protocol": ["random"]})
    return Part("", rule, rows, **values).verdicts(0.01)["random"]


ends = st.tuples(*[st.floats(-0.5, 1)] * 2).map(sorted)


@given(st.sampled_from(("level", "order", "no worse")), ends, st.floats(0, 1), st.floats(0, 1))
def test_imprecision_earns_nothing(rule, interval, below, above):
    low, high = interval
    narrow, wide = (
        of_interval(rule, a, b, figure=0.31) for a, b in (interval, (low - below, high + above))
    )
    allowed = {
        REPRODUCED: {REPRODUCED, COMPATIBLE, UNDECIDED},
        COMPATIBLE: {COMPATIBLE, UNDECIDED},
        UNDECIDED: {UNDECIDED},
        NOT: {NOT, COMPATIBLE, UNDECIDED},
    }
    assert wide in allowed[narrow]


def test_what_was_not_tried_is_not_tested(world):
    assert verdicts(world[~world["id"].str.contains("at 60° by")])["best-angle"] == UNTESTABLE
    two = world[~world["id"].str.contains("with 11")]
    found = verdicts(two)
    assert found["happy-width"] == UNTESTABLE and found["more-units"] == REPRODUCED
    one = verdicts(two[~two["id"].str.contains("with 6|compression")])
    assert one["more-units"] == one["compression"] == UNTESTABLE
    assert verdicts(world[world["first"] != "CNN fusion with image"])["images"] == UNTESTABLE


def test_the_printed_tables_are_as_printed():
    values = [*paper.TABLE_3.values(), *paper.SPI_BASELINE.values()]
    sums = [1.33, 1.60, 1.89, 1.41, 1.96, 2.15, 1.33, 1.30, 4.16]
    np.testing.assert_allclose(np.sum(values, axis=1), sums)
    assert paper.TABLE_3["SPI baseline"] == paper.SPI_BASELINE["precision"]


def test_a_gain_has_the_error_of_the_baseline_in_it(world):
    part = evaluate_claims(world).set_index("id").loc["fusion-gain", "parts"][0]
    recall, rows = np.array(paper.SPI_BASELINE["recall"]), np.array(paper.SFEW_ROWS)
    variance = sum(stats.binom.var(n, p) / n**2 for n, p in zip(rows, recall, strict=True)) / 49
    # the interval by person is twice as wide as that by row, and so is that of the baseline, whose
    # two folds triple its variance
    half = np.hypot(0.008, 2 * stats.norm.ppf(0.975) * np.sqrt(3 * variance))
    for own in part["measured"]:
        gain = 0.31 - recall.mean()
        np.testing.assert_allclose(
            [own["estimate"], own["low"], own["high"]], [gain, gain - half, gain + half], atol=1e-12
        )


def test_unknown_persons_leave_verdicts_to_random_folds_and_say_so(world):
    told = pd.DataFrame([{"id": evidence.WHO, "kind": "data", "measure": "persons"}])
    rows = world[world["protocol"] != "person-independent"]
    rows = pd.concat([rows, told.reindex(columns=ROW)], ignore_index=True)
    claims = evaluate_claims(rows).set_index("id")
    pd.testing.assert_series_equal(claims["verdict"], verdicts(world))
    measured = claims.loc[["fusion", "more-units", "converged", "phog-best-happy"]]
    assert (measured["person-independent"] == NOT_JUDGED).all()
    assert (measured["note"] == "random folds alone: the data do not say who is who").all()
    assert (claims.loc[sorted(ARITHMETIC), "note"] == "").all()
    low = evaluate_claims(changed(rows, FUSION, estimate=0.15))
    assert low.set_index("id")["verdict"]["fusion"] == NOT
    said = "does not come back: 15 % under random folds; new people are not judged."
    assert headline(low) == f"The printed 31 % {said}"


def test_drawn_faces_judge_no_result(world):
    told = pd.DataFrame([{"id": DRAWN, "kind": "data", "measure": "drawn"}]).reindex(columns=ROW)
    claims = evaluate_claims(pd.concat([world, told], ignore_index=True)).set_index("id")
    own = claims.index.isin([*OWN, *ARITHMETIC, "same-measure"])
    assert (claims["verdict"][~own] == NOT_JUDGED).all()
    assert (claims["note"][~own] == "the faces are drawn").all()
    pd.testing.assert_series_equal(claims["verdict"][own], verdicts(world)[own])
    parts = [
        part for parts in claims.loc[~claims.index.isin(ARITHMETIC), "parts"] for part in parts
    ]
    words = {part[which] for part in parts for which in ("verdict", *PROTOCOLS)}
    assert words <= {CONTRADICTED, UNTESTABLE, NOT_JUDGED}
    said = headline(claims.reset_index())
    assert said == "Everything runs on drawn faces, which say nothing about the printed 31 %."


# The interval of the fused CNN under random and person-independent folds, and what is said of it.
@pytest.mark.parametrize(
    ("random", "new", "said"),
    [
        ((0.31, 0.30, 0.32), (0.31, 0.30, 0.32), "comes back: 31 % RECUR, 31 % NEW"),
        ((0.29, 0.20, 0.38), (0.28, 0.2, 0.36), "is compatible with ours: 29 % RECUR, 28 % NEW"),
        (
            (0.25, 0.1, 0.4),
            (0.2, 0.05, 0.35),
            "is neither confirmed nor refuted: 25 % RECUR, 20 % NEW",
        ),
        ((0.22, 0.18, 0.26), (0.16, 0.12, 0.2), "does not come back: 22 % RECUR, 16 % NEW"),
        ((0.63, 0.6, 0.66), (0.5, 0.4, 0.6), "is surpassed: 63 % RECUR, 50 % NEW"),
        (
            (np.nan, np.nan, np.nan),
            (0.5, 0.4, 0.6),
            "is neither confirmed nor refuted RECUR (no value) and is surpassed NEW (50 %)",
        ),
        (
            (0.31, 0.30, 0.32),
            (0.16, 0.12, 0.2),
            "comes back RECUR (31 %) and does not come back NEW (16 %)",
        ),
    ],
)
def test_headline_says_the_verdict_on_the_main_claim(world, random, new, said):
    rows = world.copy()
    for protocol, own in (("random", random), ("person-independent", new)):
        here = rows["id"].str.match(f"CNN fusion, recall, average, {protocol}")
        rows.loc[here, ["estimate", "low", "high"]] = own
    said = said.replace("RECUR", "when people recur between training and test")
    said = said.replace("NEW", "when they do not")
    assert headline(evaluate_claims(rows)) == f"The printed 31 % {said}."


def test_verdicts_are_tried_under_other_choices(world):
    rows = changed(world, "PHOG shallow − LPQ shallow, average, person-.*", low=0.006)
    rows = changed(rows, "CNN fusion − .*, average, random, .*", estimate=-0.1)
    rows = changed(rows, FUSION, low=0.295, high=0.325)
    dealt = world[world["protocol"].eq("person-independent") & ~world["kind"].eq("by width")]
    dealt = dealt[~dealt["id"].str.contains(" with 16")]
    found = sensitivity(rows, {"dealt otherwise": dealt})
    assert (found.loc[[*ARITHMETIC, *OF_DATA, "more-units"], "dealt otherwise"] == NOT_RERUN).all()
    order = found.loc["phog-beats-lpq"].to_dict()
    assert order["margin 0"] == order["margin 0.5"] == REPRODUCED
    assert order["margin 2"] == UNDECIDED and order["dealt otherwise"] == REPRODUCED
    fusion = found.loc["fusion-beats-pruning"]
    assert fusion["random alone"] == NOT and fusion["person-independent alone"] == REPRODUCED
    assert found.loc["fusion", ["margin 0", "margin 2"]].tolist() == [COMPATIBLE, REPRODUCED]


def test_a_correction_for_many_claims_widens_as_a_normal_distribution_does(world):
    confidence = 1 - 0.05 / len(paper.CLAIMS)
    factor = stats.norm.isf(0.025 / len(paper.CLAIMS)) / stats.norm.isf(0.025)
    own = Evidence(world, confidence).level("CNN fusion")
    np.testing.assert_allclose(own["high"] - own["estimate"], factor * 0.008)
    np.testing.assert_allclose(own["estimate"] - own["low"], factor * 0.008)


@pytest.mark.parametrize("columns", [["low", "high"], ["estimate", "low", "high"], ["null"]])
def test_a_missing_number_decides_nothing(world, columns):
    """A verdict without it is the same or open, and nothing is refuted."""
    measured = world["protocol"].notna()
    rows = world.copy()
    rows.loc[measured, columns] = np.nan
    before, after = verdicts(world), verdicts(rows)
    assert ((after == before) | (after == UNDECIDED)).all(), after[after != before]


@pytest.mark.parametrize("kind", ["printed", "recall", "difference", "angle"])
def test_rows_that_are_not_there_are_named(world, kind):
    with pytest.raises(ValueError, match=f"the evidence has no {kind} of"):
        evaluate_claims(world[world["kind"] != kind])
