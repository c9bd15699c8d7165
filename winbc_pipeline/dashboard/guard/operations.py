"""Reads which operations a GraphQL document holds, so that nothing passes that nobody understood."""

from dataclasses import dataclass
from functools import lru_cache

from graphql import GraphQLError, OperationType, parse
from graphql.language import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

MOST_LETTERS, MOST_TOKENS = 100_000, 10_000  # the largest query of Dagster's own UI has some 2,000 tokens


@dataclass(frozen=True)
class Operations:
    """What a document would do, whichever of its operations is chosen.

    Attributes:
        kinds: `query`, `mutation`, `subscription`.
        mutations: names of the schema's mutations, whatever the document calls them.
    """

    kinds: frozenset[str]
    mutations: frozenset[str]


@lru_cache(maxsize=256)  # Dagster's UI asks the same few questions every two seconds
def operations_of(text: str) -> Operations | None:
    """The operations of a document; None when it is none, is too long, or names a fragment that it does not have."""
    if len(text) > MOST_LETTERS:
        return None
    try:
        document = parse(text, no_location=True, max_tokens=MOST_TOKENS)
        fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
        found = _operations(document)
        names = [_fields(node.selection_set, fragments) for node in found if node.operation is OperationType.MUTATION]
    except (GraphQLError, KeyError, RecursionError):
        return None
    return Operations(frozenset(node.operation.value for node in found), frozenset().union(*names))


def _operations(document: DocumentNode) -> list[OperationDefinitionNode]:
    return [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]


def _fields(selected: SelectionSetNode, fragments: dict[str, FragmentDefinitionNode]) -> set[str]:
    """Names of the fields of an operation itself: those of its fragments are among them.

    A fragment that holds itself ends in RecursionError.
    """
    names: set[str] = set()
    for node in selected.selections:
        if isinstance(node, FieldNode):
            names.add(node.name.value)
        elif isinstance(node, InlineFragmentNode):
            names |= _fields(node.selection_set, fragments)
        elif isinstance(node, FragmentSpreadNode):
            names |= _fields(fragments[node.name.value].selection_set, fragments)
    return names
