"""Faults of examples, one method a kind, each with the rows it is about (protocol section 5)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from evaluation.dataset import Dataset, Example
from evaluation.duplicates import Duplicates, find_twins
from evaluation.findings import AuditFinding, Place, blocker, warning
from evaluation.policy import EvaluationPolicy
from evaluation.privacy import Names, kinds_in, searched


class Faults:
    """The rows under audit; one method a kind of fault.

    `left_out` are the training rows that repeat a test row, exactly or nearly, or stand in one group with one;
    `twinned` are the test rows, counted from 0, that a training row repeats exactly or nearly.
    """

    def __init__(
        self,
        dataset: Dataset,
        test: Dataset | None,
        both: Sequence[Example],
        duplicates: Duplicates,
        policy: EvaluationPolicy,
        names: Names | None = None,
        output: str = "label",
    ) -> None:
        """`output` is what a row's output is called in messages."""
        self._dataset, self._test, self._both, self._output = dataset, test, both, output
        self._duplicates, self._policy, self._names = duplicates, policy, names
        self._twins = find_twins(duplicates, len(dataset))
        self.twinned = tuple(row - len(dataset) for row in self._twins.tested)
        tested, twins = set(duplicates.groups[len(dataset) :]), self._twins.of
        self.left_out = tuple(row for row in range(len(dataset)) if duplicates.groups[row] in tested or row in twins)
        left_out = set(self.left_out)
        self._usable = tuple(example for row, example in enumerate(dataset.examples) if row not in left_out)

    def sizes(self) -> Iterator[AuditFinding]:
        left_out = len(self.left_out)
        without = f", without the {left_out} that a test row or its group rules out" if left_out else ""
        for name, rows, fewest, after in (
            ("example", len(self._usable), self._policy.fewest_examples, without),
            ("test example", len(self._test) if self._test else None, self._policy.fewest_test_examples, ""),
        ):
            if rows is not None and rows < fewest:
                yield blocker(
                    "AUDIT01", "too_few_examples",
                    f"{_count(rows, name)}{after}; a comparison needs at least {fewest}.",
                    f"Label {fewest - rows} more, better 50.",
                )  # fmt: skip

    def groups(self) -> Iterator[AuditFinding]:
        sizes = Counter(self._duplicates.groups[: len(self._dataset)])
        groups, largest = len(sizes), max(sizes.values())
        if self._test is None and groups >= self._policy.fewest_groups and largest > len(self._dataset) / 2:
            yield blocker(
                "AUDIT16", "one_group_dominates",
                f"{largest} of {len(self._dataset)} rows are duplicates of each other or belong to one declared group.",
                "Collect rows from more sources: kept whole, this group leaves too little to test or to learn from.",
            )  # fmt: skip
        if groups < self._policy.fewest_groups <= len(self._dataset):
            yield blocker(
                "AUDIT15", "too_few_groups",
                f"All rows belong to {_count(groups, 'set')} of duplicates or declared groups; "
                f"a comparison needs at least {self._policy.fewest_groups} that can be kept whole.",
                "Check the group column, or collect rows from more sources.",
            )  # fmt: skip

    def labels(self) -> Iterator[AuditFinding]:
        sizes, policy = Dataset("usable", self._usable).class_sizes, self._policy
        large = [label for label, size in sizes.items() if size >= policy.fewest_of_a_class]
        if len(sizes) == 1:
            yield blocker(
                "AUDIT02", "one_class", f"Every example has the label {next(iter(sizes))!r}.",
                "Add examples of at least one other label, or check the output column.",
            )  # fmt: skip
        elif len(large) < 2:
            yield blocker(
                "AUDIT03", "labels_hardly_repeat",
                f"{len(sizes)} different labels in {len(self._usable)} examples and "
                f"{len(large)} of them {policy.fewest_of_a_class} times or more; this is not a classification.",
                "Check the output column, or merge labels until at least two have "
                f"{policy.fewest_of_a_class} examples.",
            )  # fmt: skip
        starved = [label for label, size in sizes.items() if size < policy.starved_class]
        if starved and len(large) >= 2:
            yield warning(
                "AUDIT04", "starved_classes",
                f"{len(starved)} of {len(sizes)} labels have fewer than {policy.starved_class} examples: "
                f"{_listed(f'{label} ({sizes[label]})' for label in starved)}.",
                "Label more of them, or merge them; nothing certain can be said about them one by one.",
            )  # fmt: skip
        yield from self._label_spellings()
        if self._test is not None:
            unseen = sorted(set(self._test.labels) - set(self._dataset.labels))
            if unseen:
                yield warning(
                    "AUDIT05", "labels_only_in_test", f"The training file has no example of {_listed(unseen)}.",
                    "Add examples, or check the spelling; fitted arms cannot name these labels.",
                )  # fmt: skip

    def _label_spellings(self) -> Iterator[AuditFinding]:
        spellings = defaultdict(list)
        for label in {example.output for example in self._both}:
            spellings[" ".join(label.casefold().replace("_", " ").replace("-", " ").split())].append(label)
        same = [sorted(labels) for labels in spellings.values() if len(labels) > 1]
        if same:
            listed = _listed(" / ".join(labels) for labels in sorted(same))
            yield warning(
                "AUDIT06", "labels_spelled_differently", f"Labels that differ in case or spacing only: {listed}.",
                "Use one spelling; as it is, they count as different labels.",
            )  # fmt: skip

    def empty_inputs(self) -> Iterator[AuditFinding]:
        rows = [number for number, example in enumerate(self._both) if not example.input.strip()]
        if rows:
            yield blocker(
                "AUDIT07", "empty_inputs", f"{_count(len(rows), 'example')} without a text.",
                "Fill in the input or delete the row.", self._places([[row] for row in rows]),
            )  # fmt: skip

    def overlong_inputs(self, tokens: Sequence[int], limit: int) -> Iterator[AuditFinding]:
        rows = [number for number, count in enumerate(tokens) if count > limit]
        if rows:
            yield warning(
                "AUDIT08", "overlong_inputs",
                f"{_count(len(rows), 'input')} longer than the {limit} tokens that the model reads "
                f"(longest {max(tokens):,}).",
                "Put what matters first, or shorten: the rest is cut off.", self._places([[row] for row in rows]),
            )  # fmt: skip

    def exact_duplicates(self) -> Iterator[AuditFinding]:
        sets = [rows for rows in self._sets_within_a_file() if len(self._labels_of(rows)) == 1]
        if sets:
            yield warning(
                "AUDIT09", "exact_duplicates",
                f"{_count(len(sets), 'text')} more than once, with the same {self._output}.",
                "Keep one of each; copies stay on one side of every split.", self._places(sets),
            )  # fmt: skip

    def near_duplicates(self) -> Iterator[AuditFinding]:
        if not self._duplicates.near_searched:
            yield warning(
                "AUDIT17", "near_duplicates_not_searched",
                f"More than {self._policy.most_rows_for_near_duplicates:,} rows: only exact duplicates were searched.",
                "Search near duplicates with another tool; copies on both sides of a split flatter retrieval.",
            )  # fmt: skip
        pairs = [pair for pair in self._duplicates.near if self._is_test(pair[0]) == self._is_test(pair[1])]
        if pairs:
            differ = sum(len(self._labels_of(pair)) > 1 for pair in pairs)
            labels = f", {differ} of them with different {self._output}s" if differ else ""
            found_by = _by_meaning(sum(pair in self._duplicates.by_meaning for pair in pairs))
            groups = self._duplicates.groups
            apart = sum(groups[one] != groups[other] for one, other in pairs)
            but = f", but for {_count(apart, 'pair')} that would chain unlike texts into one group" if apart else ""
            yield warning(
                "AUDIT10", "near_duplicates",
                f"{_count(len(pairs), 'pair')} of nearly the same text{labels}{found_by}.",
                f"Look whether both are needed; they stay on one side of every split{but}.", self._places(pairs),
            )  # fmt: skip

    def conflicting_labels(self) -> Iterator[AuditFinding]:
        sets = [rows for rows in self._duplicates.exact if len(self._labels_of(rows)) > 1]
        if sets:
            yield warning(
                "AUDIT11", f"conflicting_{self._output}s",
                f"{_count(len(sets), 'text')} with two or more different {self._output}s.",
                f"Decide which {self._output} is right: no arm can be right on both.", self._places(sets),
            )  # fmt: skip

    def leakage(self) -> Iterator[AuditFinding]:
        exact = [rows for rows in self._duplicates.exact if len({self._is_test(row) for row in rows}) == 2]
        if exact:
            yield blocker(
                "AUDIT12", "test_rows_in_training",
                f"{_count(len(exact), 'text')} of the test file also in the training file.",
                "Delete them from one of the two: a score on rows that were trained on means nothing.",
                self._places(exact),
            )  # fmt: skip
        copied = {row for rows in exact for row in rows}
        near = [row for row in self.left_out if row not in copied]
        if near:
            found_by = _by_meaning(len(self._twins.by_meaning.intersection(near)))
            yield warning(
                "AUDIT13", "test_rows_nearly_in_training",
                f"{_count(len(near), 'training row')} nearly the same as a row of the test file, "
                f"or of the same group{found_by}.",
                "These training rows are left out of every fit.", self._places(self._with_tested_twin(near)),
            )  # fmt: skip

    def _with_tested_twin(self, rows: Sequence[int]) -> list[tuple[int, int]]:
        """Each training row with the test row that it repeats, else with the first one of its group."""
        groups = self._duplicates.groups
        tested = {groups[row]: row for row in reversed(range(len(self._dataset), len(self._both)))}
        twins = self._twins.of
        return [(row, twins[row] if row in twins else tested[groups[row]]) for row in rows]

    def personal_data(self) -> Iterator[AuditFinding]:
        rows, kinds = self._rows_holding(secret=False)
        if rows:
            yield warning(
                "AUDIT14", "personal_data", f"{_count(len(rows), 'input')} with data about people: {kinds}.",
                f"Replace it with placeholders before the file leaves your hands ({searched(self._names)}).",
                self._places([[row] for row in rows]),
            )  # fmt: skip

    def secrets(self) -> Iterator[AuditFinding]:
        rows, kinds = self._rows_holding(secret=True)
        if rows:
            yield warning(
                "AUDIT18", "secrets", f"{_count(len(rows), 'input')} with what looks like a secret: {kinds}.",
                "Have it revoked, then replace it in the file: whoever trains on it, or reads it, has it.",
                self._places([[row] for row in rows]),
            )  # fmt: skip

    def _rows_holding(self, *, secret: bool) -> tuple[list[int], str]:
        """Rows, and the kinds of data in them with the number of rows for each."""
        kinds: Counter[str] = Counter()
        rows, names = [], None if secret else self._names
        for row, example in enumerate(self._both):
            here = [kind.name for kind in kinds_in(example.input, names) if kind.secret is secret]
            kinds.update(here)
            if here:
                rows.append(row)
        return rows, _listed(f"{name} ({number})" for name, number in kinds.most_common())

    def _sets_within_a_file(self) -> Iterator[tuple[int, ...]]:
        for rows in self._duplicates.exact:
            for side in (False, True):
                within = tuple(row for row in rows if self._is_test(row) is side)
                if len(within) > 1:
                    yield within

    def _is_test(self, row: int) -> bool:
        return row >= len(self._dataset)

    def _labels_of(self, rows: Sequence[int]) -> Counter[str]:
        return Counter(self._both[row].output for row in rows)

    def _places(self, sets: Sequence[Sequence[int]]) -> tuple[tuple[Place, ...], ...]:
        def place(example: Example) -> Place:
            return Place(id=example.id, file=example.source, line=example.line)

        return tuple(tuple(place(self._both[row]) for row in rows) for rows in sets)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _by_meaning(number: int) -> str:
    """How many pairs only their meaning shows."""
    return f", {number:,} of them found by meaning only, not by letters" if number else ""


def _listed(names: Iterator[str] | Sequence[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:5]) + (f" and {len(listed) - 5} more" if len(listed) > 5 else "")
