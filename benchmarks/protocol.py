"""The eight acceptance criteria of docs/protocol.md, section 7, measured on the advisor's own code; writes the table in
docs/results.md.

Every figure stands beside what the protocol's reference simulations found. Exit code 1 where a criterion fails; one
whose data are not here is named and counts as neither. Resumable: a criterion measured with this source, policy and
seed is not measured again, `--only 3` measures one anew. With --quick fewer repetitions, limits widened by two standard
errors of the simulation, nothing written.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from benchmarks.worlds import (
    ALL_ALIKE,
    EIGHT_BETTER,
    FAMILIES,
    NO_BETTER,
    TRUE_DEVIATIONS,
    TWELVE_BETTER,
    UNKNOWN,
    Truth,
    confident,
    draw,
    independent,
    paired,
    project,
    scored,
    truths,
)
from evaluation.arm import Family
from evaluation.audit import Audit, audit_dataset
from evaluation.contrasts import arm_interval, contrast_arms
from evaluation.curve import FARTHEST, CurvePoint, LearningCurve, OutOfReachError, fit_curve
from evaluation.dataset import Dataset, Example
from evaluation.decision import Evidence, VerdictKind, decide
from evaluation.gate import Stakes, Step, Trainings, after_one_seed, before_training
from evaluation.looks import Looks, obrien_fleming, z_of
from evaluation.policy import EvaluationPolicy
from evaluation.posterior import believe
from evaluation.prior import GainPrior, gain_prior
from evaluation.provenance import source_sha256
from evaluation.readers import read_dataset
from evaluation.routing import Marked, Routing, find_routing
from evaluation.scoring import ScoredArm
from evaluation.statistics import Design, Outcomes, estimate_difference, tango_interval
from rules.power import detectable_gain

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("ADVISOR_DATA") or ROOT.parent / "shared" / "data")
RESULTS = ROOT / "benchmarks" / "results" / "protocol.json"
PAGE = ROOT / "docs" / "results.md"
BEGIN, END = "<!-- protocol: begin -->", "<!-- protocol: end -->"
SEED, POLICY = 20261120, EvaluationPolicy()
Deviations = Mapping[Family, float]

KNOWN, SHIPPED = "true deviations known", "shipped priors"
ASSUMED: dict[str, Deviations] = {
    KNOWN: TRUE_DEVIATIONS,
    SHIPPED: {family: POLICY.run_deviation(family, 300, 32) for family in TRUE_DEVIATIONS},
}
"""What the rule assumes of an arm's fits. The protocol's simulations tell it the truth (3 points between draws, 2
between seeds); by itself it assumes 4 and 4.2 with 32 demonstrations and 300 training rows, until fits show less."""
NO_PATTERN = gain_prior(labels=20, train_size=300, best_cheap=0.8)


# figures and the command


@dataclass(frozen=True)
class Figure:
    """One figure in all its cells; shares and accuracies are 0..1. A cell outside the limits, widened by `slack` for
    the simulation's own error, fails the criterion; a figure without limits is told and not judged."""

    what: str
    cells: Mapping[str, float]
    reference: str = ""
    at_most: float | None = None
    at_least: float | None = None
    slack: float = 0.0

    @property
    def kept(self) -> bool | None:
        """Whether every cell keeps the limits; None without limits."""
        if self.at_most is None and self.at_least is None:
            return None
        low = -np.inf if self.at_least is None else self.at_least - self.slack
        high = np.inf if self.at_most is None else self.at_most + self.slack
        return all(bool(low <= value <= high) for value in self.cells.values())

    @property
    def asked(self) -> str:
        """The limits, in percent or points."""
        low = [] if self.at_least is None else [f"at least {100 * self.at_least:.3g}"]
        high = [] if self.at_most is None else [f"at most {100 * self.at_most:.3g}"]
        slack = f" (± {100 * self.slack:.2g})" if self.slack else ""
        return " and ".join(low + high) + slack if low + high else ""

    @property
    def measured(self) -> str:
        """Every cell, or of many the lowest and the highest."""
        values = [100 * value for value in self.cells.values()]
        digits = 2 if max(map(abs, values)) < 2 else 1
        shown, sign = (values, " / ") if len(values) <= 5 else ([min(values), max(values)], " to ")
        return sign.join(f"{value:.{digits}f}" for value in shown)

    @property
    def where(self) -> str:
        """The cells."""
        return " / ".join(self.cells) if len(self.cells) <= 5 else f"{len(self.cells)} cells"


@dataclass(frozen=True)
class Missing:
    """A part that cannot be measured here."""

    why: str


@dataclass(frozen=True)
class Effort:
    """How often is simulated."""

    quick: bool

    def times(self, full: int, quick: int) -> int:
        """Repetitions."""
        return quick if self.quick else full

    def slack(self, limit: float, times: int) -> float:
        """Two standard errors of a share that lies at its limit; nothing in the full version."""
        return _two_errors(limit, times) if self.quick else 0.0


Measured = Iterator[Figure | Missing]


def main() -> None:
    """Measure what is asked for, then renew the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short version, nothing written")
    parser.add_argument("--only", type=int, choices=CRITERIA, help="the number of one criterion, measured anew")
    arguments = parser.parse_args()
    quick, chosen = arguments.quick, [arguments.only] if arguments.only else list(CRITERIA)
    results: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() and not quick else {}
    determined_by = _determined_by()
    for number in chosen:
        if arguments.only or results.get(str(number), {}).get("determined_by") != determined_by:
            results[str(number)] = {**_measure(number, Effort(quick)), "determined_by": determined_by}
        if not quick:
            RESULTS.write_text(json.dumps(dict(sorted(results.items())), indent=1) + "\n")
        print("\n".join(_told(number, results[str(number)])), flush=True)
    if not quick and len(results) == len(CRITERIA):
        _write_table(results)
    if failed := [str(number) for number in chosen if results[str(number)]["verdict"] == "fail"]:
        sys.exit(f"Criterion {', '.join(failed)} failed.")


def _determined_by() -> dict[str, Any]:
    ours = b"".join((ROOT / "benchmarks" / name).read_bytes() for name in ("protocol.py", "worlds.py"))
    return {
        "seed": SEED, "policy_sha256": POLICY.sha256(), "source_sha256": source_sha256(),
        "benchmark_sha256": hashlib.sha256(ours).hexdigest(),
    }  # fmt: skip


def _measure(number: int, effort: Effort) -> dict[str, Any]:
    title, measure = CRITERIA[number]
    begun, measured = time.monotonic(), list(measure(effort))
    figures = [each for each in measured if isinstance(each, Figure)]
    missing = [each.why for each in measured if isinstance(each, Missing)]
    failed = any(figure.kept is False for figure in figures)
    return {
        "title": title,
        "verdict": "fail" if failed else f"not run: {'; '.join(missing)}" if missing else "pass",
        "figures": [asdict(figure) | {"kept": figure.kept} for figure in figures],
        "seconds": round(time.monotonic() - begun),
    }


def _figures(result: Mapping[str, Any]) -> list[Figure]:
    return [Figure(**{name: cell for name, cell in each.items() if name != "kept"}) for each in result["figures"]]


def _told(number: int, result: Mapping[str, Any]) -> Iterator[str]:
    yield f"{number}. {result['title']}: {result['verdict']} ({result['seconds']} s)"
    for figure in _figures(result):
        judged = {None: " ", True: "+", False: "-"}[figure.kept]
        told = (f"asked {figure.asked}" * bool(figure.asked), f"reference {figure.reference}" * bool(figure.reference))
        yield f" {judged} {figure.what} [{figure.where}]: {'; '.join(filter(None, (figure.measured, *told)))}"


def _write_table(results: Mapping[str, Any]) -> None:
    lines = ["| criterion | figure, % or points | cells | measured | asked | reference |", "|---" * 6 + "|"]
    for number in CRITERIA:
        result = results[str(number)]
        for row, figure in enumerate(_figures(result)):
            begin = "" if row else f"{number}. {result['title']}: **{result['verdict']}**"
            asked = f"{figure.asked}: {'kept' if figure.kept else '**not kept**'}" if figure.asked else ""
            cells = (begin, figure.what, figure.where, figure.measured, asked, figure.reference)
            lines.append(f"| {' | '.join(cells)} |")
    page = PAGE.read_text()
    before, after = page.split(BEGIN)[0], page.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n" + "\n".join(lines) + f"\n{END}{after}")


def _two_errors(share: float, times: int) -> float:
    return 2 * float(np.sqrt(share * (1 - share) / times))


def _rng(*numbers: int) -> np.random.Generator:
    return np.random.default_rng([SEED, *numbers])


# 1, 4, 5: the verdict


def false_fine_tunes(effort: Effort) -> Measured:
    """Worlds in which a fine-tune is no better than the best cheap arm."""
    times = effort.times(2000, 60)
    at_its_limit = _two_errors(0.025, times)  # at 2,000 repetitions 3.2% in all, as the protocol says
    for world, (name, accuracies) in enumerate((("as good as retrieval", NO_BETTER), ("as good as all", ALL_ALIKE))):
        rates = {
            f"n = {rows}": _fine_tunes(_rng(1, world, rows), rows, accuracies, times) for rows in (60, 150, 300, 600)
        }
        for assumed in ASSUMED:
            own = "0.5 / 1.1 / 1.5 / 1.7" if (world, assumed) == (0, KNOWN) else ""
            what = f"fine-tune, though only {name}; {assumed}"
            yield Figure(what, _column(rates, assumed), own, at_most=0.025, slack=at_its_limit)
        best, least = "highest score of one run each: the same", 0.30 if world == 0 else None
        own = "36 / 43 / 44 / 47" if world == 0 else ""
        yield Figure(best, _column(rates, "highest"), own, at_least=least, slack=effort.slack(0.3, times))
    rates = {"n = 600": _fine_tunes(_rng(1, 2), 600, (0.70, 0.80, 0.84, 0.82), times)}
    yield Figure(f"fine-tune, though 2 points worse; {KNOWN}", _column(rates, KNOWN), "0.1")


BETTER: tuple[tuple[str, tuple[float, ...], int | None, tuple[int, ...], str], ...] = (
    ("8 points better", EIGHT_BETTER, 300, (60, 150, 300, 600), "23 / 57 / 83 / 96"),
    ("12 points better", TWELVE_BETTER, 150, (60, 150, 300), "48 / 86 / 99"),
    ("5 points better", (0.70, 0.78, 0.82, 0.87), None, (300, 600), "43 / 63"),
)
"""Worlds, the rows at which the protocol asks for 80%, all rows, and what the reference simulation found there."""


def power(effort: Effort) -> Measured:
    """Worlds in which a fine-tune is really better. Judged as the protocol states it: the true deviations are known."""
    times, told = effort.times(2000, 120), 500
    for number, (name, accuracies, judged, sizes, own) in enumerate(BETTER):
        asked = [rows for rows in sizes if rows == judged] if effort.quick else sizes
        rates = {
            f"n = {rows}": _fine_tunes(_rng(4, number, rows), rows, accuracies, times if rows == judged else told)
            for rows in asked
        }
        if judged:
            cell, there = f"n = {judged}", own.split(" / ")[sizes.index(judged)]
            slack = effort.slack(0.8, times)
            yield Figure(f"fine-tune found, {name}; {KNOWN}", {cell: rates[cell][KNOWN]}, there, None, 0.80, slack)
        if rates:
            yield Figure(f"found, {name}; {KNOWN}", _column(rates, KNOWN))
            reference = "" if effort.quick else own
            yield Figure("the same, by the intervals alone", _column(rates, f"{KNOWN}, intervals alone"), reference)
            yield Figure(f"the same; {SHIPPED}", _column(rates, SHIPPED))
    yield from _advertised(effort)


def _fine_tunes(rng: np.random.Generator, rows: int, accuracies: Sequence[float], times: int) -> dict[str, float]:
    """Shares of comparisons that say fine-tune: by the rule under both assumptions, by its intervals alone (as the
    reference simulation does, without asking that the shrunken gain pays), and by the highest score."""
    counts: dict[str, int] = defaultdict(int)
    for _ in range(times):
        scores = draw(rng, rows, truths(accuracies))
        for assumed, deviations in ASSUMED.items():
            evidence = _weigh(scores, deviations, POLICY)
            tuned, cheap = evidence.arms[-1], evidence.arms[:-1]
            above = all(evidence.between(tuned.spec.name, other.spec.name).low > 0 for other in cheap)
            counts[f"{assumed}, intervals alone"] += above
            counts[assumed] += decide(evidence, POLICY).kind is VerdictKind.FINE_TUNE
        single = [float(score[0].mean()) for score in scores]
        counts["highest"] += single[-1] > max(single[:-1])
    return {name: count / times for name, count in counts.items()} | dict.fromkeys(ASSUMED.keys() - counts, 0.0)


def _arms(scores: Sequence[NDArray[np.float64]], deviations: Deviations) -> list[ScoredArm]:
    families = zip(FAMILIES, scores, strict=False)
    return [scored(family, score, deviations.get(family, 0.0)) for family, score in families]


def _weigh(scores: Sequence[NDArray[np.float64]], deviations: Deviations, policy: EvaluationPolicy) -> Evidence:
    arms, rows = _arms(scores, deviations), scores[0].shape[1]
    return Evidence(arms, contrast_arms(arms, _design(rows), policy), UNKNOWN, NO_PATTERN, rows)


@cache
def _design(rows: int) -> Design:
    return independent(rows, POLICY.prior_degrees_of_freedom)


def _column(rates: Mapping[str, Mapping[str, float]], name: str) -> dict[str, float]:
    return {cell: shares[name] for cell, shares in rates.items()}


def _advertised(effort: Effort) -> Measured:
    """The smallest detectable gain that a verdict prints, against the gain that is really found four times in five."""
    times, sizes = effort.times(1500, 200), (150, 300, 600)
    for assumed, deviations in ASSUMED.items():
        off = {f"n = {rows}": _advertised_over_true(_rng(4, 9, rows), rows, deviations, times) for rows in sizes}
        what, (most, slack) = f"printed gain against the one found in 80%, off by; {assumed}", (0.15, 0.0)
        if effort.quick:  # two errors of the true gain: those of a share at 80%, over the slope of the power curve
            slack = _two_errors(0.8, times) / float(stats.norm.pdf(stats.norm.ppf(0.8))) / 2.8
        judged = assumed == KNOWN
        yield Figure(what, off, "", most if judged else None, -most if judged else None, slack if judged else 0.0)


def _advertised_over_true(rng: np.random.Generator, rows: int, deviations: Deviations, times: int) -> float:
    """Less 1. A fine-tune against retrieval at 78%; the gain found in 80% by a probit line through four gains."""
    level = POLICY.superiority_alpha, POLICY.power
    guess = detectable_gain(0.25 / rows, deviations[Family.LORA] ** 2 / 3, *level)
    gains, printed, shares = guess * np.array([0.6, 0.8, 1.0, 1.2]), [], []
    for gain in gains.tolist():
        arms = [Truth(Family.RETRIEVAL, 0.78, 0.0, 1), Truth(Family.LORA, 0.78 + gain, TRUE_DEVIATIONS[Family.LORA], 3)]
        found, told = 0, 0.0
        for _ in range(times):
            cheap, tuned = draw(rng, rows, arms)
            pair = [scored(Family.RETRIEVAL, cheap, 0.0), scored(Family.LORA, tuned, deviations[Family.LORA])]
            (contrast,) = contrast_arms(pair, _design(rows), POLICY)
            found += contrast.low > 0
            told += detectable_gain(contrast.item_variance, contrast.run_variance, *level)
        printed.append(told / times)
        shares.append(np.clip(found / times, 0.5 / times, 1 - 0.5 / times))
    probits, spread = stats.norm.ppf(shares), np.sqrt(np.multiply(shares, np.subtract(1, shares)))
    slope, start = np.polyfit(gains, probits, 1, w=stats.norm.pdf(probits) / spread)
    true = (stats.norm.ppf(POLICY.power) - start) / slope
    return float(np.interp(true, gains, printed) / true - 1)


def keeps(effort: Effort) -> Measured:
    """Retrieval certified although a fine-tune is better by exactly the margin, or (told) truly as good."""
    times, sizes, margins = effort.times(1500, 40), (100, 200, 400, 800), (0.03, 0.05)
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for margin in margins:
        for rows in sizes:
            rates = _keep_rates(_rng(5, round(100 * margin), rows), rows, margin, margin, times)
            for name, rate in rates.items():
                found[name][f"{100 * margin:.0f} points, n = {rows}"] = rate
    limits = {f"{KNOWN}, alpha 5%": 0.065, f"{SHIPPED}, alpha 5%": 0.065, f"{KNOWN}, alpha 4%": 0.055}
    for name, rates in found.items():
        own = {f"{KNOWN}, alpha 5%": ("5.8", "4.8 to 7.3")}.get(name, ("", ""))
        slack = effort.slack(limits[name], times * len(rates))
        mean = {"mean of 8 cells": float(np.mean(list(rates.values())))}
        yield Figure(f"falsely kept at the margin; {name}", mean, own[0], at_most=limits[name], slack=slack)
        yield Figure(f"the same in each cell; {name}", rates, own[1])
    if effort.quick:
        return
    for margin, own_power in zip(margins, ("17 / 26 / 37 / 51", "36 / 50 / 74 / 86"), strict=True):
        name = f"{KNOWN}, alpha 5%"
        right = {f"n = {rows}": _keep_rates(_rng(5, 9, rows), rows, margin, 0.0, 300)[name] for rows in sizes}
        yield Figure(f"rightly kept at equality, margin {100 * margin:.0f} points; {KNOWN}", right, own_power)


def _keep_rates(rng: np.random.Generator, rows: int, margin: float, gap: float, times: int) -> dict[str, float]:
    """Shares of comparisons that certify retrieval when a fine-tune is better by `gap`."""
    policies = {alpha: EvaluationPolicy(worthwhile_gain=margin, keep_alpha=alpha) for alpha in (0.05, 0.04)}
    tried = {
        f"{assumed}, alpha {100 * alpha:.0f}%": (deviations, policy)
        for assumed, deviations in ASSUMED.items() for alpha, policy in policies.items()
        if (assumed, alpha) != (SHIPPED, 0.04)
    }  # fmt: skip
    counts = dict.fromkeys(tried, 0)
    for _ in range(times):
        scores = draw(rng, rows, truths((0.60, 0.72, 0.85, round(0.85 + gap, 2))))
        for name, (deviations, policy) in tried.items():
            verdict = decide(_weigh(scores, deviations, policy), policy)
            counts[name] += (verdict.kind, verdict.arm) == (VerdictKind.KEEP, Family.RETRIEVAL)
    return {name: count / times for name, count in counts.items()}


# 2: the null on published outcomes

BANDS = {10: "up to 10", 50: "20 to 50", 250: "75 to 250", 1000: "500 to 1000", 10**9: "more"}
"""Demonstrations, by the most of each band (protocol 0)."""


class Setting(NamedTuple):
    """Ten draws of demonstrations of one model on one data set, scores (draws, rows)."""

    task: str
    band: int
    scores: NDArray[np.float64]

    def between(self) -> float:
        """Variance between draws, less what the rows explain."""
        rows = self.scores.shape[1]
        return max(0.0, float(self.scores.mean(1).var(ddof=1) - self.scores.var(axis=0, ddof=1).mean() / rows))


def real_null(effort: Effort) -> Measured:
    """One prompting method against itself with other draws: whatever differs is luck."""
    path = DATA / "published" / "bertsch_correct.csv.gz"
    if not path.exists():
        yield Missing("the published outcomes are not here")
        return
    settings, splits = _settings(path), effort.times(60, 4)
    others = {(each.task, each.band): _from_other_tasks(each, settings) for each in settings}
    shipped = {key: POLICY.run_deviation(Family.FEW_SHOT, 1000, min(key[1], 1000)) for key in others}
    for draws, own, worst in ((2, "4.5", "7.2"), (3, "4.5", "7.2"), (1, "6.2", "")):
        rates = _rejections(settings, others, draws, splits)
        all_of, judged = {f"{draws} a side": _overall(settings, rates)}, draws > 1
        what, slack = "'differ' at 5%, prior from the other data sets", effort.slack(0.06, splits * len(settings))
        yield Figure(what, all_of, own, 0.06 if judged else None, slack=slack if judged else 0.0)
        if judged:
            slack = effort.slack(0.08, splits * len(settings) // len(BANDS))
            yield Figure(
                f"the same by demonstrations, {draws} draws a side", _named(rates), f"worst {worst}", 0.08, slack=slack
            )
    rates = _rejections(settings, shipped, 3, splits)
    yield Figure("'differ' at 5%, shipped prior", {"3 a side": _overall(settings, rates)})
    rates = _rejections(settings, dict.fromkeys(others, 0.0), 3, splits)
    yield Figure("'differ' at 5%, rows alone", {"3 a side": _overall(settings, rates)}, "19 to 48", at_least=0.15)


def _settings(path: Path) -> list[Setting]:
    runs: dict[tuple[str, str, int], list[list[int]]] = defaultdict(list)
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["demos"] == "random":
                runs[row["model"], row["task"], int(row["n_demos"])].append([int(mark) for mark in row["correct250"]])
    return [
        Setting(task, next(most for most in BANDS if demonstrations <= most), np.array(scores, dtype=float))
        for (_, task, demonstrations), scores in runs.items() if len(scores) >= 6
    ]  # fmt: skip


def _from_other_tasks(one: Setting, settings: Sequence[Setting]) -> float:
    others = [each.between() for each in settings if each.task != one.task and each.band == one.band]
    return float(np.sqrt(np.mean(others)))


def _rejections(
    settings: Sequence[Setting], deviations: Mapping[tuple[str, int], float], draws: int, splits: int
) -> dict[int, float]:
    """Share of pairs of disjoint draws that differ at 5%, by band; `draws` on each side."""
    rng, rejected = _rng(2, draws), defaultdict(list)
    for setting in settings:
        design, folds = _design(setting.scores.shape[1]), np.zeros(setting.scores.shape[1], dtype=np.int64)
        for _ in range(splits):
            order = rng.permutation(len(setting.scores))
            one, other = (
                Outcomes(setting.scores[chosen], folds, deviations[setting.task, setting.band])
                for chosen in (order[:draws], order[draws : 2 * draws])
            )
            rejected[setting.band].append(estimate_difference(one, other, design).p_value() < 0.05)
    return {band: float(np.mean(each)) for band, each in rejected.items()}


def _overall(settings: Sequence[Setting], rates: Mapping[int, float]) -> float:
    return float(np.mean([rates[setting.band] for setting in settings]))


def _named(rates: Mapping[int, float]) -> dict[str, float]:
    return {name: rates[band] for band, name in BANDS.items() if band in rates}


# 3: coverage of intervals

TABLES = ((0.10, 0.10), (0.06, 0.06), (0.02, 0.02), (0.12, 0.04), (0.20, 0.05))
"""Shares of rows on which only the first, only the second arm is right (protocol 1.2)."""
TOO_COARSE = (50, (0.02, 0.02))
"""Two discordant rows are expected: counts so coarse that the interval, which is the protocol's own, covers 98.6%."""


def coverage(effort: Effort) -> Measured:
    """Tango's interval summed exactly over all tables, the two-way interval by simulation; nominal 95%."""
    exact = {(rows, table): _tango_coverage(rows, *table) for rows in (20, 30, 50, 100, 200) for table in TABLES}
    cells = {_cell(*key): value for key, value in exact.items()}
    small = {_cell(*key): value for key, value in exact.items() if key[0] < 50}
    large = {name: value for name, value in cells.items() if name not in {*small, _cell(*TOO_COARSE)}}
    yield Figure("Tango, n = 20 and 30", small, "lowest 94.3", at_least=0.92)
    yield Figure("Tango, n = 50, 100, 200 but for the next line", large, "lowest 94.3", 0.97, 0.93)
    yield Figure(
        "Tango, two discordant rows expected; too wide for 97", {_cell(*TOO_COARSE): exact[TOO_COARSE]}, "", None, 0.93
    )
    times = effort.times(2000, 100)
    two_way = {
        (rows, margin, gap): _two_way_coverage(_rng(3, rows, number, place), rows, gap, times)
        for number, margin in enumerate((0.03, 0.05)) for rows in (100, 200, 400, 800)
        for place, gap in enumerate((margin, 0.0, -0.03))
    }  # fmt: skip
    for assumed in ASSUMED:
        cells = {
            f"n = {n}, gap {100 * gap:.0f}, {100 * m:.0f}": shares[assumed] for (n, m, gap), shares in two_way.items()
        }
        if assumed == KNOWN:
            slack = effort.slack(0.93, times)
            yield Figure(f"rows and runs; {assumed}", cells, "93.9 to 96.1", 0.97, 0.93, slack)
        else:
            yield Figure(f"rows and runs; {assumed}", cells)


def _cell(rows: int, table: tuple[float, float]) -> str:
    return f"n = {rows}, {100 * table[0]:.0f} + {100 * table[1]:.0f}%"


def _tango_coverage(rows: int, first_only: float, second_only: float) -> float:
    """Over every table of so many rows; what is left out has less than 1e-6 in all."""
    spread = np.arange(rows + 1)
    b, c = (axis.ravel() for axis in np.meshgrid(spread, spread))
    b, c = b[b + c <= rows], c[b + c <= rows]
    chances = stats.multinomial.pmf(
        np.stack([b, c, rows - b - c], axis=1), rows, [first_only, second_only, 1 - first_only - second_only]
    )
    covered = 0.0
    for number in np.flatnonzero(chances > 1e-10).tolist():
        interval = _tango(int(b[number]), int(c[number]), rows)
        if interval[0] <= first_only - second_only <= interval[1]:
            covered += float(chances[number])
    return covered


@cache
def _tango(first_only: int, second_only: int, rows: int) -> tuple[float, float]:
    interval = tango_interval(first_only, second_only, rows, 0.95)
    return interval.low, interval.high


def _two_way_coverage(rng: np.random.Generator, rows: int, gap: float, times: int) -> dict[str, float]:
    """A fine-tune with three seeds against retrieval at 85%."""
    covered = dict.fromkeys(ASSUMED, 0)
    arms = [Truth(Family.LORA, 0.85 + gap, TRUE_DEVIATIONS[Family.LORA], 3), Truth(Family.RETRIEVAL, 0.85, 0.0, 1)]
    folds = np.zeros(rows, dtype=np.int64)
    for _ in range(times):
        tuned, cheap = draw(rng, rows, arms)
        for assumed, deviations in ASSUMED.items():
            one, other = Outcomes(tuned, folds, deviations[Family.LORA]), Outcomes(cheap, folds, 0.0)
            interval = estimate_difference(one, other, _design(rows)).interval(0.95)
            covered[assumed] += interval.low <= gap <= interval.high
    return {assumed: count / times for assumed, count in covered.items()}


# 6: the gate before and after training


class Task(NamedTuple):
    """A kind of project: a fine-tune's gain over retrieval as it truly is, and what is believed of it, given the best
    cheap accuracy."""

    mean: float
    deviation: float
    prior: Callable[[float], GainPrior]


HOUSE_STYLE = GainPrior(0.15, 0.10, "an output format of its own")
"""Protocol 3.10; the advisor compares classifications only and so has no such row."""
TASKS = {
    "many labels, few examples": Task(-0.12, 0.08, lambda cheap: gain_prior(77, 300, cheap)),
    "few labels": Task(0.03, 0.06, lambda cheap: gain_prior(6, 300, cheap)),
    "unknown": Task(0.0, 0.08, lambda cheap: gain_prior(20, 300, cheap)),
    "big gain": Task(0.15, 0.08, lambda _: HOUSE_STYLE),
}
UNFORESEEN = {"big gain, not foreseen": Task(0.15, 0.08, lambda cheap: gain_prior(20, 300, cheap))}
PRICES = EvaluationPolicy(price_retrieval=0.005, worthwhile_gain=0.015, posterior_draws=2000)
"""Retrieval must earn half a point and a fine-tune two, as in the reference simulation."""
SEED_COST, CHEAP_STAGE = 10.0, 5.0
"""Of one training and of all cheap arms. A point is worth five trainings: one training costs 0.2 points."""


def gate(effort: Effort) -> Measured:
    """What stopping early loses against always training all seeds, and saves; 200 test rows, three seeds at most."""
    times = effort.times(600, 60)
    regret, extra, cost = _spent(TASKS, KNOWN, times)
    noise = 2 * max(regret.errors.values()) if effort.quick else 0.0
    mean, many = {"mean of the four": float(np.mean(list(regret.means.values())))}, next(iter(TASKS))
    refs = ("0.54 / 0.43 / 0.44 / 0.23", "0.14 / -0.01 / 0.00 / 0.07", "14 / 71 / 67 / 50")
    yield Figure(f"regret against the oracle, 200 rows; {KNOWN}", mean, "0.41", at_most=0.006, slack=noise)
    yield Figure("the same by kind of task", regret.means, refs[0])
    yield Figure("regret above that of always training all seeds", extra.means, refs[1], at_most=0.002, slack=noise)
    yield Figure("cost, in % of always training all seeds", {many: cost.means[many]}, "14", at_most=0.25)
    yield Figure("the same by kind of task", cost.means, refs[2], at_most=0.80)
    others = () if effort.quick else ((TASKS, SHIPPED), (UNFORESEEN, KNOWN), (UNFORESEEN, SHIPPED))
    for tasks, assumed in others:
        regret, extra, cost = _spent(tasks, assumed, times)
        yield Figure(f"regret against the oracle; {assumed}", regret.means)
        yield Figure("regret above that of always training all seeds", extra.means)
        yield Figure("cost, in % of always training all seeds", cost.means)


class Spread(NamedTuple):
    """Mean and standard error for each kind of task."""

    means: dict[str, float]
    errors: dict[str, float]


def _spent(tasks: Mapping[str, Task], assumed: str, times: int) -> list[Spread]:
    """The gate's regret, its regret less that of training all seeds, and its cost."""
    drawn = {
        name: np.array([_project(_rng(6, each), task, ASSUMED[assumed]) for each in range(times)])
        for name, task in tasks.items()
    }
    return [
        Spread(
            {name: float(cells[:, column].mean()) for name, cells in drawn.items()},
            {name: float(cells[:, column].std() / np.sqrt(times)) for name, cells in drawn.items()},
        )
        for column in range(3)
    ]


def _project(rng: np.random.Generator, task: Task, deviations: Deviations) -> tuple[float, float, float]:
    """One project: the gate's regret, how much more it is than with all seeds trained, and its share of their cost."""
    accuracies, rows = project(rng, task.mean, task.deviation), 200
    arms, design = _arms(draw(rng, rows, truths(accuracies)), deviations), _design(rows)
    worth = [accuracy - PRICES.price(family) for family, accuracy in zip(FAMILIES, accuracies, strict=True)]
    *cheap, tuned = arms
    best = max(cheap, key=lambda arm: arm.accuracy - PRICES.price(arm.spec.family))
    prior = task.prior(best.accuracy)
    trained = _gated(tuned, best, design, prior, deviations[Family.LORA])
    seeds = len(trained[0].outcomes.scores) if trained else 0

    def regret(of: Sequence[ScoredArm]) -> float:
        beliefs = believe(of, design, prior, PRICES, rng)
        verdict = decide(Evidence(of, contrast_arms(of, design, PRICES), beliefs, prior, rows), PRICES)
        return max(worth) - worth[[family.value for family in FAMILIES].index(verdict.arm)]

    exhaustive = regret(arms)
    gated = exhaustive if seeds == 3 else regret([*cheap, *trained])
    return gated, gated - exhaustive, (CHEAP_STAGE + seeds * SEED_COST) / (CHEAP_STAGE + 3 * SEED_COST)


def _gated(tuned: ScoredArm, best: ScoredArm, design: Design, prior: GainPrior, deviation: float) -> list[ScoredArm]:
    """The fine-tune with as many seeds as the gate lets through, or nothing."""
    margin = PRICES.margin(tuned.spec.family, best.spec.family)
    trainings, stakes = Trainings(len(design.clusters), deviation), Stakes(margin, SEED_COST, 5 * SEED_COST)
    high = arm_interval(best, design, PRICES.confidence).high
    if before_training(best.accuracy, high, prior, trainings, stakes).decision is Step.SKIP:
        return []
    one = scored(tuned.spec.family, tuned.outcomes.scores[:1], deviation)
    measured = estimate_difference(one.outcomes, best.outcomes, design)
    step = after_one_seed(measured, one.accuracy, prior, trainings, stakes).decision
    return [tuned if step is Step.GO_ON else one]


# 7: declared looks


def peeking(effort: Effort) -> Measured:
    """Four declared looks at paired answers. Undeclared looks every ten rows are the contrast."""
    times, fewer = effort.times(20_000, 500), effort.times(4000, 200)
    null = {f"n = {rows}": _looked(_rng(7, 0, rows), rows, 0.10, times) for rows in (200, 400)}
    gain = {f"n = {rows}": _looked(_rng(7, 1, rows), rows, 0.22, fewer) for rows in (200, 400)}
    what, slack = "false alarms, one-sided, four declared looks", effort.slack(0.027, times)
    yield Figure(what, _column(null, "stopped"), "2.4 to 2.6", at_most=0.027, slack=slack)
    yield Figure("false alarms, looks every 10 rows, nothing declared", _column(null, "peeked"), "14.2 at n = 400")
    saved = {"n = 400": gain["n = 400"]["saved"]}
    yield Figure("rows saved at a gap of 12 points", saved, "39", at_least=0.20, slack=effort.slack(0.2, fewer))
    yield Figure("the same with half the rows", {"n = 200": gain["n = 200"]["saved"]})
    yield Figure("the gap found", _column(gain, "stopped"), "99 at n = 400")


def _looked(rng: np.random.Generator, rows: int, first_only: float, times: int) -> dict[str, float]:
    """Shares stopped in favour of the first arm, and rows saved; the second alone is right on a tenth of the rows."""
    looks, stopped, peeked, used = obrien_fleming(4), 0, 0, 0
    often = np.arange(20, rows + 1, 10)
    for _ in range(times):
        scores = paired(rng, rows, first_only, 0.10)
        at = _stop(scores, looks, rows)
        stopped += at is not None
        used += rows if at is None else at
        gaps = scores[0] - scores[1]
        total, squares = np.cumsum(gaps)[often - 1], np.cumsum(gaps**2)[often - 1]
        peeked += bool((total > stats.norm.ppf(0.975) * np.sqrt(np.maximum(squares - total**2 / often, 1e-9))).any())
    return {"stopped": stopped / times, "peeked": peeked / times, "saved": 1 - used / times / rows}


def _stop(scores: NDArray[np.float64], looks: Looks, rows: int) -> int | None:
    """Rows used at the look that stops."""
    z_values: list[float] = []
    for seen in looks.rows(rows):
        folds = np.zeros(seen, dtype=np.int64)
        one, other = (Outcomes(score[None, :seen], folds, 0.0) for score in scores)
        z_values.append(z_of(estimate_difference(one, other, _design(seen))))
        if looks.stop_at(z_values):
            return seen
    return None


# 8: curves, routing, what the audit recalls


def honesty(effort: Effort) -> Measured:
    """Extrapolation on published curves, routing by confidence, faults planted in real data."""
    yield from _curves(effort)
    yield from _routed(effort)
    yield from _planted()


def _curves(effort: Effort) -> Measured:
    """Every prefix of four sizes or more, three seeds each, against the mean of all seeds at 2 and 4 times the size."""
    folder, rng, draws = DATA / "published", _rng(8, 0), effort.times(20, 1)
    if not folder.is_dir():
        yield Missing("the published curves are not here")
        return
    errors: dict[tuple[str, int], list[float]] = defaultdict(list)
    held: dict[int, list[bool]] = defaultdict(list)
    refused: list[bool] = []
    for kind, curves in (("LoRA", _lora_curves(folder)), ("SetFit and full", _setfit_curves(folder))):
        for accuracies in curves * draws:
            for curve in _prefixes(accuracies, rng):
                for times in (2, 4):
                    if (size := curve.today * times) in accuracies:
                        forecast, truth = curve.forecast(size), float(np.mean(accuracies[size]))
                        errors[kind, times].append(abs(forecast.value - truth))
                        held[times].append(forecast.band.low <= truth <= forecast.band.high)
                refused += [_refuses(curve, FARTHEST + 0.01), _refuses(curve, 2 * FARTHEST)]
    for times, own, band in ((2, "2.9 / 4.0", 0.07), (4, "3.8 / 6.1", 0.10)):
        cells = {kind: float(np.mean(found)) for (kind, at), found in errors.items() if at == times}
        yield Figure(f"mean error at {times} times the rows", cells, own, 0.045 if times == 2 else None)
        missed = [error for (_, at), found in errors.items() if at == times for error in found]
        share = {
            f"± {100 * band:.0f}": float(np.mean(np.array(missed) <= band)),
            "as printed": float(np.mean(held[times])),
        }
        yield Figure(f"bands at {times} times that hold the truth", share, "90", at_least=0.85)
    yield Figure("refused beyond 4 times", {"all": float(np.mean(refused))}, at_least=1.0)


def _prefixes(accuracies: Mapping[int, Sequence[float]], rng: np.random.Generator) -> Iterator[LearningCurve]:
    """Curves of the four smallest sizes, the five smallest and so on; three of the seeds each."""
    points = [
        CurvePoint(size, tuple(rng.choice(found, 3, replace=False).tolist())) for size, found in accuracies.items()
    ]
    for sizes in range(4, len(points) + 1):
        yield fit_curve(points[:sizes], accuracy=points[sizes - 1].mean, measured_reach=0.0)


def _refuses(curve: LearningCurve, times: float) -> bool:
    try:
        curve.forecast(times * curve.today)
    except OutOfReachError:
        return True
    return False


def _lora_curves(folder: Path) -> list[dict[int, list[float]]]:
    """Llama-2-7B on five tasks, 32 to 8,192 labels."""
    found: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in csv.DictReader((folder / "bertsch_lora.csv").open()):
        if int(row["n_shots"]) <= 8192:
            found[row["task"]][int(row["n_shots"])].append(float(row["accuracy"]))
    return [dict(sorted(curve.items())) for curve in found.values()]


def _setfit_curves(folder: Path) -> list[dict[int, list[float]]]:
    """SetFit and full fine-tunes by accuracy on 2 to 64 examples a label: 16 curves."""
    found: dict[tuple[str, str], dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in csv.DictReader((folder / "setfit_scores.csv").open()):
        if row["measure"] == "accuracy":
            found[row["method"], row["dataset"]][int(row["n_per_class"])].append(float(row["score"]) / 100)
    whole = (curve for curve in found.values() if set(curve) == {2, 4, 8, 16, 32, 64})
    return [dict(sorted(curve.items())) for curve in whole]


def _routed(effort: Effort) -> Measured:
    """Answers that go out by themselves, at most one in ten of them wrong; the arm as a whole is wrong in 14%."""
    times, target = effort.times(2000, 120), 0.10
    confidence, right = confident(_rng(8, 1), 1_000_000)
    order = np.argsort(confidence)
    ranked, wrong_above = confidence[order], np.cumsum(~right[order][::-1])[::-1]
    violated, share, naive = {}, {}, {}
    for rows in (100, 200, 500, 1000):
        rng, bad, routed, fooled = _rng(8, 1, rows), 0, 0.0, 0
        for _ in range(times):
            marked = Marked.of(*(each.tolist() for each in confident(rng, rows)))
            found = find_routing(marked, _design(rows), target)
            fooled += _true_error(_largest_share(marked, target), ranked, wrong_above) > target
            if isinstance(found, Routing):
                threshold = -1.0 if found.threshold is None else found.threshold
                bad += _true_error(threshold, ranked, wrong_above) > target
                routed += float((ranked > threshold).mean())
        cell = f"n = {rows}"
        violated[cell], share[cell], naive[cell] = bad / times, routed / times, fooled / times
    yield Figure("routing breaks its target", violated, "at most 1.2", at_most=0.05, slack=effort.slack(0.05, times))
    yield Figure("answers routed", share, "18 / 28 / 70 / 78")
    yield Figure("largest share with so few errors seen: breaks it", naive, "21 to 31")


def _largest_share(marked: Marked, target: float) -> float:
    """The threshold of the largest tenth of the rows whose errors seen keep the target; 1 if none does."""
    order = np.argsort(-marked.confidence)
    for tenths in range(10, 2, -1):
        rows = len(order) * tenths // 10
        if (~marked.right[order[:rows]]).mean() <= target:
            return float(marked.confidence[order[rows - 1]]) - 1e-12
    return 1.0


def _true_error(threshold: float, ranked: NDArray[np.float64], wrong_above: NDArray[Any]) -> float:
    """Of answers more confident than the threshold, in a million."""
    first = int(np.searchsorted(ranked, threshold, side="right"))
    return float(wrong_above[first] / (len(ranked) - first)) if first < len(ranked) else 0.0


PLANTED = 25
"""Of each fault; BANKING77 as published has 25 test rows that are in its training file too."""
SPELLINGS: tuple[Callable[[str], str], ...] = (str, str.upper, lambda text: f"  {text} ", lambda text: f"{text} !")
NEAR: dict[str, Callable[[str, int], str]] = {
    "copies with two letters swapped": lambda text, at: text[:at] + text[at + 1] + text[at] + text[at + 2 :],
    "copies with a word added": lambda text, _: f"{text} please",
}
"""Not the same text any more: whether one counts as nearly the same depends on its length. Letters alone look here."""
KINDS = {
    "copies": ("AUDIT09",), "conflicts": ("AUDIT11",), "leaks": ("AUDIT12",),
    **dict.fromkeys(NEAR, ("AUDIT10", "AUDIT09")),
}  # fmt: skip
"""The findings that may name a fault."""


def _planted() -> Measured:
    """Faults in the open copies, which have no row in both files any more: planted, spelled differently, looked for."""
    recalled: dict[str, dict[str, float]] = {kind: {} for kind in KINDS}
    for number, name in enumerate(("banking77", "ag_news", "tweet_emotion")):
        folder = DATA / "open" / name
        if not folder.is_dir():
            yield Missing(f"{name} is not here")
            continue
        train, test = (read_dataset(folder / f"{part}.jsonl") for part in ("train", "test"))
        for kind, share in _recall(_rng(8, 2, number), train, test).items():
            recalled[kind][name] = share
    if not recalled["leaks"]:
        return
    for kind in ("copies", "conflicts", "leaks"):
        yield Figure(f"planted {kind} that the audit names", recalled[kind], at_least=0.95)
    if "banking77" in recalled["leaks"]:
        found = {"banking77": recalled["leaks"]["banking77"]}
        yield Figure("the 25 leaks of BANKING77, planted again", found, "100", at_least=1.0)
    for kind in NEAR:
        yield Figure(f"planted {kind} that the audit names", recalled[kind])


def _recall(rng: np.random.Generator, train: Dataset, test: Dataset) -> dict[str, float]:
    """Share of each kind of planted fault that the finding of its kind names, the original beside the copy."""
    rows = [train.examples[row] for row in rng.choice(len(train), PLANTED * len(KINDS), replace=False)]
    of_kind = {kind: rows[number * PLANTED :][:PLANTED] for number, kind in enumerate(KINDS)}
    copies = {
        kind: [_copy(rng, kind, number, row, train.labels) for number, row in enumerate(rows)]
        for kind, rows in of_kind.items()
    }
    audit = audit_dataset(
        Dataset(train.name, (*train.examples, *(row for kind in KINDS if kind != "leaks" for row in copies[kind]))),
        Dataset(test.name, (*test.examples, *copies["leaks"])),
        POLICY, 256, lambda texts: [len(text.split()) for text in texts],
    )  # fmt: skip
    return {kind: _named_by(audit, KINDS[kind], of_kind[kind], copies[kind]) for kind in KINDS}


def _copy(rng: np.random.Generator, kind: str, number: int, row: Example, labels: Sequence[str]) -> Example:
    text, label = SPELLINGS[number % len(SPELLINGS)](row.input), row.output
    if kind == "conflicts":
        label = str(rng.choice([other for other in labels if other != label]))
    if kind in NEAR:
        text = NEAR[kind](row.input, int(rng.integers(1, len(row.input) - 2)))
    return Example(f"planted {kind} {number}", text, label, 100_000 + number, "planted")


def _named_by(audit: Audit, codes: Sequence[str], originals: Sequence[Example], copies: Sequence[Example]) -> float:
    sets = [{place.id for place in rows} for found in audit.findings if found.code in codes for rows in found.rows]
    pairs = [{original.id, copy.id} for original, copy in zip(originals, copies, strict=True)]
    return float(np.mean([any(pair <= together for together in sets) for pair in pairs]))


CRITERIA: dict[int, tuple[str, Callable[[Effort], Measured]]] = {
    1: ("False fine-tune rate", false_fine_tunes),
    2: ("Null on published outcomes", real_null),
    3: ("Coverage", coverage),
    4: ("Power", power),
    5: ("Certified-keep error", keeps),
    6: ("Regret and cost of the gate", gate),
    7: ("Declared looks", peeking),
    8: ("Extrapolation, routing, audit", honesty),
}


if __name__ == "__main__":
    main()
