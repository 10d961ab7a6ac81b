"""Printed tables, settings and claims of the paper and its two sources; imports nothing of ours.

The paper: Z. Wang, "End-to-End Multimodal Emotion Recognition by Using Deep Neural Networks".
Its baseline: A. Dhall et al., "Static facial expression analysis in tough conditions", ICCV
Workshops 2011, Table 3. Its pruning: T. D. Gedeon and D. Harris, "Network reduction techniques",
1991.

The paper writes LBP in places for the features that it defines as LPQ, local phase quantization;
this project writes LPQ throughout.
"""

from typing import NamedTuple

EMOTIONS = ("Angry", "Disgust", "Fear", "Happy", "Neutral", "Sad", "Surprise")

# Table 1: outputs of six hidden units [pattern, unit].
TABLE_1 = (
    (0.5914, 0.3303, 0.6544, 0.5678, 0.4130, 0.5453),
    (0.2656, 0.4397, 0.6113, 0.7139, 0.3363, 0.3672),
    (0.4798, 0.5740, 0.5485, 0.5522, 0.4949, 0.4054),
    (0.6408, 0.3224, 0.6555, 0.5744, 0.4975, 0.6006),
    (0.6717, 0.3109, 0.6153, 0.5543, 0.4379, 0.5231),
    (0.2993, 0.3330, 0.7186, 0.7569, 0.4357, 0.5860),
    (0.4052, 0.5558, 0.4583, 0.6235, 0.4310, 0.2651),
    (0.3316, 0.5303, 0.5024, 0.6139, 0.3146, 0.2507),
    (0.2550, 0.5957, 0.5150, 0.6451, 0.3460, 0.2577),
    (0.3553, 0.4690, 0.6804, 0.6866, 0.4933, 0.5542),
)

# Table 2: angle between two hidden units of Table 1, in degrees, keyed by the units' printed
# numbers.
TABLE_2 = {
    (1, 2): 29.2, (1, 3): 18.9, (1, 4): 24.2, (1, 5): 16.0, (1, 6): 17.3,
    (2, 3): 20.3, (2, 4): 14.9, (2, 5): 18.1, (2, 6): 29.7,
    (3, 4): 8.1, (3, 5): 8.8, (3, 6): 10.5,
    (4, 5): 11.8, (4, 6): 18.2,
    (5, 6): 13.0,
}  # fmt: skip

# Gedeon and Harris 1991: outputs of six hidden units [pattern, unit], and the angles they print, in
# degrees.
GEDEON_HARRIS_ACTIVATIONS = (
    (0.330, 1.000, 0.910, 0.582, 0.593, 0.381),
    (0.091, 0.994, 0.339, 0.101, 0.834, 0.839),
    (0.098, 0.994, 0.348, 0.130, 0.874, 0.868),
    (0.022, 0.488, 0.026, 0.012, 0.960, 0.982),
    (0.094, 0.994, 0.325, 0.128, 0.853, 0.849),
    (0.021, 0.489, 0.024, 0.012, 0.952, 0.979),
    (0.023, 0.488, 0.025, 0.016, 0.965, 0.984),
    (0.005, 0.006, 0.001, 0.001, 0.990, 0.998),
    (0.117, 0.994, 0.339, 0.132, 0.875, 0.870),
    (0.026, 0.488, 0.025, 0.012, 0.960, 0.983),
    (0.029, 0.488, 0.026, 0.016, 0.971, 0.986),
    (0.006, 0.006, 0.001, 0.001, 0.991, 0.998),
    (0.027, 0.489, 0.024, 0.016, 0.965, 0.984),
    (0.006, 0.006, 0.001, 0.001, 0.990, 0.998),
    (0.006, 0.006, 0.001, 0.002, 0.992, 0.998),
    (0.001, 0.000, 0.000, 0.000, 0.998, 1.000),
)
GEDEON_HARRIS_ANGLES = {
    (1, 2): 81.8, (1, 3): 25.2, (1, 4): 8.4, (1, 5): 176.5, (1, 6): 169.9,
    (2, 3): 63.0, (2, 4): 77.8, (2, 5): 100.8, (2, 6): 103.7,
    (3, 4): 18.0, (3, 5): 157.7, (3, 6): 163.7,
    (4, 5): 173.7, (4, 6): 177.5,
    (5, 6): 7.3,
}  # fmt: skip

# Table 3: "accuracy" by emotion, in the order of EMOTIONS, and the printed average.
TABLE_3 = {
    "SPI baseline": (0.17, 0.15, 0.20, 0.28, 0.22, 0.16, 0.15),
    "LPQ shallow": (0.14, 0.34, 0.23, 0.34, 0.20, 0.15, 0.20),
    "PHOG shallow": (0.38, 0.20, 0.18, 0.36, 0.33, 0.28, 0.16),
    "LPQ CNN": (0.14, 0.28, 0.24, 0.27, 0.18, 0.19, 0.11),
    "PHOG CNN": (0.35, 0.23, 0.21, 0.46, 0.21, 0.15, 0.35),
    "CNN fusion": (0.29, 0.38, 0.31, 0.45, 0.19, 0.20, 0.33),
}
TABLE_3_AVERAGE = {
    "SPI baseline": 0.19,
    "LPQ shallow": 0.23,
    "PHOG shallow": 0.27,
    "LPQ CNN": 0.20,
    "PHOG CNN": 0.28,
    "CNN fusion": 0.31,
}

# Dhall et al. 2011, Table 3: two-set strictly person-independent protocol, support vector machine,
# by emotion.
SPI_BASELINE = {
    "precision": (0.17, 0.15, 0.20, 0.28, 0.22, 0.16, 0.15),
    "recall": (0.21, 0.13, 0.18, 0.29, 0.21, 0.16, 0.12),
    "specificity": (0.48, 0.66, 0.64, 0.51, 0.61, 0.60, 0.66),
}

# Rows of each emotion in SFEW (Dhall et al. 2011).
SFEW_ROWS = (100, 75, 100, 100, 100, 100, 100)

# What the paper leaves open, and the reading taken here.
SILENT = (
    (
        "optimiser",
        "Adam with PyTorch's defaults; plain gradient descent at 1e-4 leaves the weights where "
        "they started",
    ),
    (
        "split",
        "folds, repeated over seeds; random (stratified) and person-independent, side by side",
    ),
    (
        "measure: accuracy in section 4.3, average precision in section 4.2, precision in the "
        "baseline",
        "recall decides; all five are given, accuracy (the share of all rows) among them",
    ),
    ("initialisation", "PyTorch's defaults, from a seed of each network's own"),
    ("channels of the CNN", "16 in every layer"),
    ("pooling on five inputs", "largest of three neighbours, moving by one: five inputs stay five"),
    (
        "activation of the CNN",
        "ReLU after each convolution and after the first fully connected layer",
    ),
    ("output of the networks", "linear, one unit an emotion; the largest is the prediction"),
    (
        "vectors between which angles are taken",
        "activations as they are (Table 2) and shifted by 0.5 (Gedeon and Harris)",
    ),
    ("which of two similar units goes", "the later one, pair by pair from the smallest angle on"),
    (
        "how often Algorithm 1 prunes: once by the prose of section 3.1, again and again by its "
        "last line",
        "once, after the first epoch; both are compared",
    ),
    (
        "angle behind Figures 6a, 9 and 10",
        "60°, since their captions speak of the pruning method; unpruned networks beside them",
    ),
    (
        "reading of “until it converged”",
        "a higher learning rate, until the training loss stops falling: the recipe “converged”",
    ),
)


class Claim(NamedTuple):
    """One checkable statement of the paper, in our words, and the figure that it prints for it."""

    id: str
    topic: str
    place: str
    claim: str
    paper: str


# Topics of the claims, as headings.
LEVELS, GAINS = "What the models reach", "What they gain over the baseline"
ORDERS, PRUNING = "One model against another", "Width and pruning"
EMOTION, TRAINING = "Single emotions", "Training"
DATA = "The paper's own arithmetic and data"

CLAIMS = (
    Claim("fusion", LEVELS, "Table 3, abstract", "The fused CNN reaches 31 %", "31 %"),
    Claim("phog-cnn", LEVELS, "Table 3", "The CNN on PHOG reaches 28 %", "28 %"),
    Claim("lpq-cnn", LEVELS, "Table 3", "The CNN on LPQ reaches 20 %", "20 %"),
    Claim("phog-shallow", LEVELS, "Table 3", "The shallow net on PHOG reaches 27 %", "27 %"),
    Claim("lpq-shallow", LEVELS, "Table 3", "The shallow net on LPQ reaches 23 %", "23 %"),
    Claim(
        "pruned-angry-happy",
        LEVELS,
        "Section 4.3",
        "The pruned net on PHOG reaches 38 % on Angry and 36 % on Happy",
        "38 %, 36 %",
    ),
    Claim("fusion-happy", LEVELS, "Section 4.3", "Fusion reaches 45 % on Happy", "45 %"),
    Claim(
        "shallow-gain",
        GAINS,
        "Section 4.3",
        "The shallow net improves on the baseline by 8 points",
        "+8 points",
    ),
    Claim(
        "fusion-gain",
        GAINS,
        "Section 4.3, abstract",
        "The fused CNN improves on the baseline by 12 points",
        "+12 points",
    ),
    Claim(
        "same-measure",
        GAINS,
        "Section 4.2, Table 3",
        "The baseline row is measured as the paper's own rows are",
        "not said",
    ),
    Claim(
        "phog-beats-lpq",
        ORDERS,
        "Figure 6",
        "The shallow net does better on PHOG than on LPQ",
        "27 % > 23 %",
    ),
    Claim(
        "fusion-beats-either",
        ORDERS,
        "Section 4.3",
        "Fusion does better than either modality alone",
        "31 % > 28 %, 20 %",
    ),
    Claim(
        "fusion-beats-pruning",
        ORDERS,
        "Section 4.3",
        "Fusion does better than the pruned shallow nets",
        "31 % > 27 %, 23 %",
    ),
    Claim(
        "few-parameters",
        ORDERS,
        "Section 3.2",
        "The CNNs are competitive although they have few parameters",
        "competitive",
    ),
    Claim(
        "images",
        ORDERS,
        "Section 5",
        "Images beside LPQ and PHOG improve recognition (future work)",
        "better",
    ),
    Claim(
        "more-units",
        PRUNING,
        "Figure 6a",
        "More hidden units give the pruned nets higher accuracy",
        "rising",
    ),
    Claim(
        "best-angle",
        PRUNING,
        "Figure 6b",
        "Accuracy rises with the minimal angle and is best at 60°",
        "60°",
    ),
    Claim(
        "pruning-improves",
        PRUNING,
        "Section 4.3",
        "Pruning improves Angry and Happy",
        "better",
    ),
    Claim(
        "compression",
        PRUNING,
        "Section 4.3, Figure 9",
        "Other numbers of hidden units are other compression ratios",
        "different",
    ),
    Claim(
        "happy-width",
        PRUNING,
        "Figure 9",
        "Happy on PHOG rises, then falls with width, and is lowest at 16",
        "lowest at 16",
    ),
    Claim(
        "phog-cnn-happy",
        EMOTION,
        "Figure 8b",
        "The CNN on PHOG tells Happy from the other emotions",
        "46 %",
    ),
    Claim(
        "lpq-cnn-angry",
        EMOTION,
        "Figure 8a",
        "The CNN on LPQ tells Angry from the other emotions",
        "14 %",
    ),
    Claim(
        "fusion-angry-happy",
        EMOTION,
        "Figure 8c",
        "Fusion tells Angry and Happy from the other emotions",
        "29 %, 45 %",
    ),
    Claim(
        "fusion-weak-disgust",
        EMOTION,
        "Section 4.3, Figure 8c",
        "Fusion has limited ability on Disgust",
        "limited",
    ),
    Claim(
        "confused-pairs",
        EMOTION,
        "Figure 10f",
        "The shallow net on PHOG confuses Angry with Surprise and Surprise with Sad",
        "confused",
    ),
    Claim(
        "lpq-strong",
        EMOTION,
        "Section 4.3",
        "Of the shallow nets, LPQ is the better on Disgust, Fear and Surprise",
        "better",
    ),
    Claim(
        "phog-strong",
        EMOTION,
        "Section 4.3",
        "Of the shallow nets, PHOG is the better on Angry, Happy and Surprise",
        "better",
    ),
    Claim(
        "phog-best-happy",
        EMOTION,
        "Section 4.3",
        "Of the three CNNs, PHOG is best on Happy",
        "46 % > 45 %, 27 %",
    ),
    Claim(
        "fusion-best-four",
        EMOTION,
        "Section 4.3",
        "Fusion is the best CNN on Angry, Disgust, Happy and Surprise",
        "best",
    ),
    Claim(
        "lpq-best-fear", EMOTION, "Section 4.3", "Of the three CNNs, LPQ is best on Fear", "best"
    ),
    Claim(
        "lpq-worse-elsewhere",
        EMOTION,
        "Section 4.3",
        "On all other emotions the CNN on LPQ is worse than the other two",
        "worse",
    ),
    Claim(
        "converged",
        TRAINING,
        "Section 4.1, Algorithm 1",
        "Training had converged after 200 epochs (shallow) and 30 (CNN)",
        "converged",
    ),
    Claim(
        "smooth-l1",
        TRAINING,
        "Section 3.3",
        "Smooth L1 loss helps because the data are noisy",
        "robust",
    ),
    Claim(
        "good-scaling",
        TRAINING,
        "Section 2",
        "Inputs from 0 to 1, not centred at 0, are good for the network",
        "good",
    ),
    Claim("averages", DATA, "Table 3", "The last column is the mean of the seven", "6 averages"),
    Claim(
        "table-2",
        DATA,
        "Tables 1 and 2",
        "The angles of Table 2 follow from the activations of Table 1",
        "15 angles",
    ),
    Claim("similar-pair", DATA, "Section 3.1", "Units 3 and 4 are the most similar pair", "8.1°"),
    Claim("rows", DATA, "Section 1", "There are 675 rows", "675"),
    Claim(
        "raw-range",
        DATA,
        "Section 2, Figure 2",
        "The features range from -0.05 to 0.15",
        "-0.05, 0.15",
    ),
    Claim("raw-centres", DATA, "Section 2, Figure 2", "The features centre near 0", "0"),
    Claim(
        "feature-centres",
        DATA,
        "Section 2, Figure 3",
        "Scaled to 0..1, features 2 to 5 centre near 0.4",
        "0.4",
    ),
)

# Dhall et al. 2011: accuracy in percent of a support vector machine on whole descriptors, random
# five-fold splits, people on both sides: on JAFFE (posed, in a laboratory) and on SFEW (film
# stills), seven emotions.
DHALL_RANDOM = {"LPQ": (69.01, 43.71), "PHOG": (86.38, 46.28)}
