from __future__ import annotations

from pathlib import Path

import pytest

from tokencost_pipeline.errors import UserError
from tokencost_pipeline.ingest.schema import LOCAL_PROVIDERS, ROUTING_BASELINES
from tokencost_pipeline.pricing.baselines import RoutingBaselines, load_routing_baselines, to_arrow

HEAD = "schema_version: 1\nlocal_providers: [vllm, ollama]\nbaselines:\n"
SONNET = "{provider: anthropic, model: claude-sonnet-4-5-20250929}"


def read(folder: Path, text: str) -> RoutingBaselines:
    path = folder / "routing_baselines.yaml"
    path.write_text(text, encoding="utf-8")
    return load_routing_baselines(path)


def test_rules_keep_their_order_and_say_when_the_baseline_is_what_served(tmp_path: Path):
    baselines = read(
        tmp_path,
        HEAD
        + f"- {{model_requested: gpt-4, feature: chat, baseline: {SONNET}}}\n"
        + "- {model_requested: gpt-4, baseline: as_served}\n"
        + f"- {{model_requested: '*', baseline: {SONNET}}}\n",
    )
    tables = to_arrow(baselines)
    assert tables["routing_baselines"].schema == ROUTING_BASELINES
    assert tables["local_providers"].schema == LOCAL_PROVIDERS
    assert [tuple(rule.values()) for rule in tables["routing_baselines"].to_pylist()] == [
        (1, "gpt-4", "chat", "anthropic", "claude-sonnet-4-5-20250929"),
        (2, "gpt-4", "*", None, None),
        (3, "*", "*", "anthropic", "claude-sonnet-4-5-20250929"),
    ]
    assert tables["local_providers"].to_pylist() == [{"provider": "ollama"}, {"provider": "vllm"}]


@pytest.mark.parametrize(
    ("rules", "line", "what"),
    [
        (
            "- {model_requested: '*', baseline: as_served}\n- {model_requested: a, baseline: as_served}\n",
            5,
            "never",
        ),
        (
            "- {model_requested: a, baseline: as_served}\n- {model_requested: a, baseline: as_served}\n",
            5,
            "never",
        ),
        ("- {model_requested: a, baseline: served}\n", 4, "names no model"),
        ("- {model_requested: a, baseline: {provider: x}}\n", 4, "no 'model'"),
        ("- {model_requested: a}\n", 4, "no 'baseline'"),
        ("- {model: a, baseline: as_served}\n", 4, "no 'model_requested'"),
        ("- {model_requested: a, baseline: &x as_served}\n", 4, "anchor"),
    ],
)
def test_a_bad_rule_is_refused_with_its_line(tmp_path: Path, rules: str, line: int, what: str):
    with pytest.raises(UserError) as refused:
        read(tmp_path, HEAD + rules)
    assert Path(refused.value.place or "").name == f"routing_baselines.yaml:{line}"
    assert what in str(refused.value)


def test_a_local_provider_named_twice_is_refused(tmp_path: Path):
    with pytest.raises(UserError, match="twice"):
        read(tmp_path, "schema_version: 1\nlocal_providers: [ollama, ollama]\nbaselines: []\n")
