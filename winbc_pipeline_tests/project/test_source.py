"""What no line of the program does. Source: test catalogue row 104; OWASP ASVS 5.0, 1.3.2 and 1.5.2; docs/scale.md."""

import ast
import re
from collections.abc import Iterator

from ..support.sandboxes import REPOSITORY

# Calls that run text or unpack foreign objects, by their dotted name.
NEVER = {"eval", "exec", "os.system", "os.popen", "yaml.load"}
MODULES = {"pickle", "marshal", "shelve", "telnetlib"}
PARSERS = {"fromstring", "parse", "iterparse", "XML", "XMLParser"}  # of the standard library: defusedxml has safe ones
SUSPICIOUS = re.compile(
    r"\b(eval|exec|system|popen|load)\(|shell=|import (pickle|marshal|shelve|telnetlib|xml)|from xml"
)


def trees() -> Iterator[tuple[str, ast.AST]]:
    """The files that hold such a word at all."""
    for path in sorted((REPOSITORY / "winbc_pipeline").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if SUSPICIOUS.search(text):
            yield path.relative_to(REPOSITORY).as_posix(), ast.parse(text)


def dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def wrong(name: str, node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Call):
        if dotted(node.func) in NEVER:
            yield f"{name}:{node.lineno} calls {dotted(node.func)}"
        if any(each.arg == "shell" and not is_false(each.value) for each in node.keywords):
            yield f"{name}:{node.lineno} starts a shell"
    if isinstance(node, ast.Import):
        yield from (f"{name} imports {each.name}" for each in node.names if each.name in MODULES | {"xml"})
    if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in MODULES | {"xml"}:
        parsers = PARSERS & {each.name for each in node.names}
        if parsers or node.module in MODULES:
            yield f"{name} imports {parsers or node.module} of {node.module}"


def is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


def test_nothing_runs_text_starts_a_shell_or_unpacks_foreign_objects() -> None:
    found = [words for name, tree in trees() for node in ast.walk(tree) for words in wrong(name, node)]
    assert found == []


def test_the_check_finds_what_it_looks_for() -> None:
    text = "import pickle\nfrom xml.etree.ElementTree import fromstring\neval(x)\nrun(x, shell=True)\nos.system(x)"
    assert len([words for node in ast.walk(ast.parse(text)) for words in wrong("x.py", node)]) == 5


# Whether there is a database is for Store.exists() to say: on a server there is no file.
ASKED_OF_A_FILE = re.compile(
    r"(flow_database\([^()]*(\([^()]*\))?[^()]*\)|\b(store|pairs)\.path)\.(exists|is_file|stat)\("
)
ABOUT_FILES = {
    "staging/compact.py",  # writes a file anew
    "sync/session.py",  # finds files that were left when the state went to a server
}


def test_nothing_asks_for_the_file_of_a_database_that_may_be_on_a_server() -> None:
    paths = (REPOSITORY / "winbc_pipeline").rglob("*.py")
    found = {path for path in paths if ASKED_OF_A_FILE.search(path.read_text(encoding="utf-8"))}
    assert {path.relative_to(REPOSITORY / "winbc_pipeline").as_posix() for path in found} == ABOUT_FILES
