"""The CloudFormation template as plain data: intrinsic functions in their long form."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "deploy" / "cloudformation" / "vod.yaml"


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's tags."""


def _intrinsic(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _intrinsic)


def load() -> dict[str, Any]:
    """The whole template."""
    return yaml.load(TEMPLATE.read_text(), _Loader)


def resources(template: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    """The properties of all resources of a type, by logical id."""
    found = {
        name: resource.get("Properties", {})
        for name, resource in template["Resources"].items()
        if resource["Type"] == kind
    }
    if not found:
        raise LookupError(f"the template has no {kind}")
    return found


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Every mapping within a value, the outer ones first."""
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from nodes(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from nodes(inner)


def statements(value: Any) -> list[dict[str, Any]]:
    """Every statement of every policy within a value; those under a condition as if it held."""
    return [node for node in nodes(value) if "Effect" in node]


def as_list(value: Any) -> list[Any]:
    """What a policy may give as one or as several."""
    return value if isinstance(value, list) else [value]


def text(value: Any) -> str:
    """A value as text to look into, intrinsic functions included."""
    return value if isinstance(value, str) else json.dumps(value)
