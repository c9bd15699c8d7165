"""Reads the objects of an AL app with tree-sitter: tables with their fields, API pages and queries, enums, permissions.

Here belongs: what stands in the AL. Whether that is right: contract.py. Needs Python 3.12 and tree-sitter-al.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tree_sitter
import tree_sitter_al

PARSER = tree_sitter.Parser(tree_sitter.Language(tree_sitter_al.language()))
KINDS = ("table", "tableextension", "page", "query", "enum", "permissionset", "codeunit", "pageextension")


@dataclass
class AlObject:
    """One object of an app. `node` is its syntax tree, for what only one kind of object has."""

    kind: str
    number: int
    name: str
    base: str
    node: Any
    properties: dict[str, str] = field(default_factory=dict)

    def all(self, *types: str) -> Iterator[Any]:
        """The nodes of these types inside the object, in their order."""
        return (node for node in walk(self.node) if node.type in types)


def objects(folder: Path) -> list[AlObject]:
    """The objects of all `.al` files below a folder."""
    found = []
    for file in sorted(folder.rglob("*.al")):
        root = PARSER.parse(file.read_bytes()).root_node
        if root.has_error:
            raise ValueError(f"{file} cannot be parsed")
        found += [_object(node) for node in root.children if node.type.removesuffix("_declaration") in KINDS]
    return found


def walk(node: Any) -> Iterator[Any]:
    """A node and all nodes below it."""
    yield node
    for child in node.children:
        yield from walk(child)


def text(node: Any) -> str:
    """The text of a node without quotes; empty for None."""
    plain = "" if node is None else node.text.decode().strip()
    quote = plain[:1]
    inside = plain[1:-1].replace(quote * 2, "")
    if len(plain) > 1 and quote == plain[-1] and quote in "\"'" and quote not in inside:
        return plain[1:-1].replace(quote * 2, quote)
    return plain


def properties(node: Any) -> dict[str, str]:
    """The properties of an object, a field or a control, without those of what is inside it."""
    body = node.child_by_field_name("body")
    own = [child for child in body.children if child.type == "property"] if body else []
    return {text(one.child_by_field_name("name")): text(one.child_by_field_name("value")) for one in own}


def reference(node: Any) -> str:
    """The last name of a reference: `Rec."No."` gives `No.`."""
    if node.type == "member_expression":
        return text(node.child_by_field_name("member"))
    return text(node)


def _object(node: Any) -> AlObject:
    found = AlObject(
        node.type.removesuffix("_declaration"),
        int(text(node.child_by_field_name("object_id"))),
        text(node.child_by_field_name("object_name")),
        text(node.child_by_field_name("base_object")),
        node,
    )
    found.properties = properties(node)
    return found
