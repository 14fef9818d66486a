"""The policy: every threshold explained, overridable, hashed, and never at odds with itself."""

from datetime import date
from typing import Any

import pytest

from rules.assess import assess
from rules.form import Form
from rules.policy import Policy

THRESHOLDS = [name for name in Policy.model_fields if name != "as_of"]


@pytest.mark.parametrize("name", THRESHOLDS)
def test_every_threshold_has_a_reason_and_a_source(name: str) -> None:
    field = Policy.model_fields[name]
    assert field.description
    assert isinstance(field.json_schema_extra, dict)
    assert field.json_schema_extra["source"]


def test_equal_policies_hash_alike_on_every_day() -> None:
    assert Policy().sha256() == Policy(as_of=date(2020, 1, 1)).sha256()
    assert Policy().sha256() != Policy(minimum_examples=60).sha256()


def test_an_override_moves_the_threshold_and_is_stored() -> None:
    strict = Policy(minimum_examples=80)
    form = Form.parse({"examples": {"count": 60}})
    before, after = assess(form), assess(form, strict)
    assert [f.code for f in before.findings if f.vetoes] == []
    assert [f.code for f in after.findings if f.vetoes] == ["DATA01"]
    assert after.ruleset.sha256 == strict.sha256() != before.ruleset.sha256


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ({"minimum_examples": 200}, "comfortable_examples"),
        ({"fewest_examples": 60}, "minimum_examples"),
        ({"minimum_requests_per_month": 90_000}, "high_volume_requests_per_month"),
        ({"few_demonstrations": 11}, "many_demonstrations"),
        ({"interval_that_strains_retraining": "daily"}, "interval_that_outruns_retraining"),
        ({"interval_that_counts_as_stable": "monthly"}, "interval_that_strains_retraining"),
        ({"discordance": 0}, "discordance"),
        ({"minimum_exmaples": 60}, "minimum_exmaples"),
    ],
)
def test_an_override_that_contradicts_itself_is_refused(override: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        Policy.model_validate(override)
