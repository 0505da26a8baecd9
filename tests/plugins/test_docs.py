"""What docs/plugins.md promises to authors is so."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from muniment import hookspecs, plugins
from muniment.errors import Issue
from muniment.plugins import HookContext, RecordState

DOC = Path(__file__).parents[2].joinpath("docs", "plugins.md").read_text(encoding="utf-8")
HOOKS = {name: hook for name, hook in vars(hookspecs).items() if name.startswith("muniment_")}


def test_every_hook_stands_in_the_docs_with_its_exact_signature():
    """A signature that drifts would mislead every author."""
    assert len(HOOKS) >= 4
    for name, hook in HOOKS.items():
        signature = str(inspect.signature(hook)).replace("'", "")
        assert f"\n### {name}\n\n```\ndef {name}{signature}\n```\n" in DOC
    assert sorted(HOOKS) == sorted(re.findall(r"^### (muniment_\w+)$", DOC, re.MULTILINE))


def test_every_hook_says_when_it_is_called_what_it_returns_and_what_if_it_raises():
    """The docstring is the contract."""
    for name, hook in HOOKS.items():
        text = inspect.getdoc(hook)
        assert re.search(r"^(Required|Asked|Called|Every plugin)", text, re.MULTILINE), name
        assert "If it raises" in text, name


def test_the_example_loads_and_does_what_it_says(install):
    """The code in the docs is installed and asked as it stands there."""
    (example,) = re.findall(r"```python\n(.*?)```", DOC, re.DOTALL)
    install("clinic", example, good=False)
    found = plugins.load(["clinic"], environ={})
    assert {} == dict(found.quarantined)
    record = RecordState("r", "patient", "s", 0, {})
    context = HookContext("li.na", "ServiceProvision", "create", "api", 0)
    assert (Issue("clinic.insurer_missing", "insurer"),) == found.validate(
        record, {"insurance_number": "1"}, context
    )
    assert () == found.validate(record, {"insurance_number": "1", "insurer": "A"}, context)
