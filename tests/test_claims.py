"""A verdict follows from the numbers: change a number and the verdict changes."""

from dataclasses import replace
from itertools import product

import pandas as pd
import pytest

from emolib import paper
from emolib.claims import CONTRADICTED, NOT, PARTLY, REPRODUCED, RULES, UNTESTABLE, Evidence, judge

PROTOCOLS = ("random", "person-independent")


def evidence(level=None, fusion_shift=0.0):
    """What a world would measure in which the paper holds; ``level`` overrides one model's averages by protocol."""
    rows = []
    for model, protocol, recipe in product(paper.TABLE_3, PROTOCOLS, ("printed", "converged")):
        for emotion, value in zip((*paper.EMOTIONS, "average"), (*paper.TABLE_3[model], paper.TABLE_3_AVERAGE[model]), strict=True):
            value = (level or {}).get((model, protocol), value) + (fusion_shift if model == "CNN fusion" else 0)
            value -= 0.1 * (recipe == "printed")
            for measure in ("recall", "average precision"):
                rows.append((measure, model, protocol, recipe, emotion, value, value - 0.01, value + 0.01))
    table_3 = pd.DataFrame(rows, columns=["measure", "model", "protocol", "recipe", "emotion", "mean", "low", "high"])
    happy = {6: 0.3, 11: 0.4, 16: 0.2}
    widths = pd.DataFrame(
        [
            (modality, protocol, "converged", hidden, emotion, happy[hidden] if emotion == "Happy" else 0.1 + hidden / 100)
            for modality, protocol, hidden, emotion in product(("LPQ", "PHOG"), PROTOCOLS, happy, ("Happy", "average"))
        ],
        columns=["modality", "protocol", "recipe", "hidden", "emotion", "mean"],
    )
    angles = pd.DataFrame(
        [
            (modality, protocol, "converged", angle, centre, 0.3 if angle == 60 else 0.2)
            for modality, protocol, angle, centre in product(("LPQ", "PHOG"), PROTOCOLS, (0.0, 60.0, 90.0), (0.0, 0.5))
        ],
        columns=["modality", "protocol", "recipe", "angle", "centre", "mean"],
    )
    return Evidence(table_3=table_3, widths=widths, angles=angles, centres={"LPQ": [0.42, 0.38], "PHOG": [0.4, 0.45]})


def verdicts(evidence):
    return judge(evidence).set_index("id")["verdict"]


def test_each_claim_has_one_rule_and_one_row():
    assert [claim.id for claim in paper.CLAIMS] == list(RULES) == list(judge(evidence())["id"])


def test_in_a_world_where_the_paper_holds_only_its_own_contradictions_remain():
    found = verdicts(evidence())
    contradictions = {"lpq-best-fear", "fusion-best-four", "fusion-weak-disgust"}
    assert (found.drop([*contradictions, "same-measure"]) == REPRODUCED).all()
    assert (found[list(contradictions)] == CONTRADICTED).all()
    assert found["same-measure"].startswith(UNTESTABLE)


def test_a_level_missed_under_one_protocol_is_partly_and_under_both_not_reproduced():
    one = evidence({("CNN fusion", "person-independent"): 0.15})
    both = evidence({("CNN fusion", protocol): 0.15 for protocol in PROTOCOLS})
    assert verdicts(one)["fusion"] == PARTLY and verdicts(both)["fusion"] == NOT
    assert verdicts(both)["fusion-gain"] == NOT and verdicts(both)["fusion-beats-either"] == NOT
    assert verdicts(both)["lpq-cnn"] == REPRODUCED


def test_trends_that_do_not_show_are_not_reproduced():
    flat = evidence()
    flat.widths["mean"] = 0.2
    flat.angles["mean"] = 0.2
    found = verdicts(flat)
    assert found["more-units"] == found["best-angle"] == found["happy-width"] == NOT


def test_a_trend_of_one_modality_alone_is_no_trend():
    one = evidence()
    one.widths.loc[one.widths["modality"] == "LPQ", "mean"] = 0.2
    one.angles.loc[one.angles["modality"] == "LPQ", "mean"] = 0.2
    found = verdicts(one)
    assert found["more-units"] == found["best-angle"] == NOT


def test_a_trend_under_one_protocol_is_partly_reproduced():
    one = evidence()
    for table in (one.widths, one.angles):
        table.loc[table["protocol"] == "person-independent", "mean"] = 0.2
    found = verdicts(one)
    assert found["more-units"] == found["best-angle"] == found["happy-width"] == PARTLY


def test_widths_that_cannot_show_a_trend_are_not_judged():
    narrow = evidence()
    for hidden, missing in (([6, 16], ["happy-width"]), ([6], ["happy-width", "more-units"])):
        found = verdicts(replace(narrow, widths=narrow.widths[narrow.widths["hidden"].isin(hidden)]))
        assert found[missing].str.startswith(UNTESTABLE).all()


def test_a_feature_off_centre_makes_the_claim_partly_true():
    assert verdicts(replace(evidence(), centres={"LPQ": [0.4, 0.6]}))["feature-centres"] == PARTLY


def test_sixty_degrees_cannot_be_judged_where_it_was_not_tried():
    without = evidence()
    without = replace(without, angles=without.angles[without.angles["angle"] != 60])
    assert verdicts(without)["best-angle"].startswith(UNTESTABLE)


@pytest.mark.parametrize("rows", [paper.TABLE_3, paper.SPI_BASELINE])
def test_the_printed_tables_are_as_printed(rows):
    sums = {"SPI baseline": 1.33, "LPQ shallow": 1.60, "PHOG shallow": 1.89, "LPQ CNN": 1.41, "PHOG CNN": 1.96, "CNN fusion": 2.15,
            "precision": 1.33, "recall": 1.30, "specificity": 4.16}  # fmt: skip
    for name, row in rows.items():
        assert len(row) == 7 and sum(row) == pytest.approx(sums[name])


def test_the_baseline_row_is_the_source_s_precision():
    assert paper.TABLE_3["SPI baseline"] == paper.SPI_BASELINE["precision"]
