"""Makes the Dutch translation file of an app from the comments `nl-NL="…"` beside its English texts.

Usage: python texts.py APP [--check]

The compiler finds a text by the hashes of the names that lead to it: 32-bit FNV-1a over UTF-16, plus 2^31 - 1. The hash
is Microsoft's (its translation files of BCApps have `Property 2879900210` for Caption). An English text without a Dutch
one is an error, unless it is locked, and so is what people see without a caption. With --check, nothing is written, and
a file that is not up to date is an error.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from al import AlObject, objects, properties, text, walk

OFFSET, PRIME, BITS = 2166136261, 16777619, 2**32
TEXTS = ("Caption", "ToolTip", "InstructionalText", "OptionCaption")
KIND_NAMES = {
    "table": "Table",
    "tableextension": "TableExtension",
    "page": "Page",
    "pageextension": "PageExtension",
    "enum": "Enum",
    "codeunit": "Codeunit",
    "permissionset": "PermissionSet",
    "query": "Query",
}
PART_NAMES = {"field_declaration": "Field", "enum_value_declaration": "EnumValue", "action_declaration": "Action"}
DUTCH = re.compile(r'nl-NL="([^"]*)"')
HEAD = """<?xml version="1.0" encoding="utf-8"?>
<xliff version="1.2" xmlns="urn:oasis:names:tc:xliff:document:1.2">
  <file datatype="xml" source-language="en-US" target-language="nl-NL" original="{app}">
    <body>
      <group id="body">
"""
TAIL = """      </group>
    </body>
  </file>
</xliff>
"""


def hashed(name: str) -> int:
    """The number of a name in the ids of translation files."""
    value = OFFSET
    for byte in name.encode("utf-16-le"):
        value = (value ^ byte) * PRIME % BITS
    signed = value - BITS if value >= BITS // 2 else value
    return signed + BITS // 2 - 1


def units(one: AlObject) -> Iterator[tuple[str, str, str, str]]:
    """Id, English text, Dutch text and place of each text of an object; the Dutch text is empty where there is none."""
    top = f"{KIND_NAMES[one.kind]} {hashed(one.name)}", f"{KIND_NAMES[one.kind]} {one.name}"
    for node in walk(one.node):
        if node.type == "property" and text(node.child_by_field_name("name")) in TEXTS:
            value = node.child_by_field_name("value").text.decode()
            part = _part(node, one)
            name = text(node.child_by_field_name("name"))
            ids = [top[0], *([f"{part[0]} {hashed(part[1])}"] if part else []), f"Property {hashed(name)}"]
            places = [top[1], *([f"{part[0]} {part[1]}"] if part else []), f"Property {name}"]
        elif node.type == "variable_declaration" and text(node.child_by_field_name("type")).startswith("Label"):
            value = node.text.decode().split("Label", 1)[1]
            name = text(node.child_by_field_name("name"))
            ids, places = [top[0], f"NamedType {hashed(name)}"], [top[1], f"NamedType {name}"]
        else:
            continue
        if "Locked = true" not in value:
            english, dutch = re.search(r"'((?:[^']|'')*)'", value), DUTCH.search(value)
            yield (
                " - ".join(ids),
                english[1].replace("''", "'") if english else "",
                dutch[1] if dutch else "",
                " - ".join(places),
            )


def uncaptioned(one: AlObject) -> Iterator[str]:
    """What people see of an object and that has no caption, so that its name would be shown: in words."""
    is_seen = one.kind in ("table", "permissionset") or (one.kind == "page" and one.properties.get("PageType") != "API")
    if is_seen and "Caption" not in one.properties:
        yield f"{KIND_NAMES[one.kind]} {one.name}"
    for node in one.all(*PART_NAMES):
        if "Caption" not in properties(node):
            name = text(node.child_by_field_name("name") or node.child_by_field_name("value_name"))
            yield f"{KIND_NAMES[one.kind]} {one.name}, {PART_NAMES[node.type]} {name}"


def _part(node: Any, one: AlObject) -> tuple[str, str] | None:
    """Kind and name of the field, control or action that has a property; None if the object itself has it."""
    owner = node.parent.parent
    if owner is None or owner == one.node:
        return None
    name = text(owner.child_by_field_name("name") or owner.child_by_field_name("value_name"))
    return PART_NAMES.get(owner.type, "Control"), name


def nameless(app: Path) -> list[str]:
    """The places without a caption in an app."""
    return [place for one in objects(app) for place in uncaptioned(one)]


def translation(app: Path) -> tuple[str, list[str]]:
    """The translation file, and the places of English texts without a Dutch one."""
    found = [unit for one in objects(app) for unit in units(one)]
    name = json.loads((app / "app.json").read_text("utf-8"))["name"]
    body = "".join(
        f'        <trans-unit id="{key}" size-unit="char" translate="yes" xml:space="preserve">\n'
        f"          <source>{escape(english)}</source>\n          <target>{escape(dutch)}</target>\n"
        f'          <note from="Xliff Generator" annotates="general" priority="3">{escape(place)}</note>\n'
        "        </trans-unit>\n"
        for key, english, dutch, place in found
        if dutch
    )
    return HEAD.format(app=name) + body + TAIL, [place for _, _, dutch, place in found if not dutch]


def main() -> int:
    """Writes the file, or says what is wrong with it; returns 1 for a mistake."""
    parser = argparse.ArgumentParser()
    parser.add_argument("app", type=Path)
    parser.add_argument("--check", action="store_true")
    asked = parser.parse_args()
    content, lacking = translation(asked.app)
    for place in lacking:
        print(f"{asked.app.name}: no Dutch text for {place}")
    without = nameless(asked.app)
    for place in without:
        print(f"{asked.app.name}: no caption for {place}")
    name = json.loads((asked.app / "app.json").read_text("utf-8"))["name"]
    file = asked.app / "Translations" / f"{name}.nl-NL.xlf"
    if asked.check:
        is_new = not file.exists() or file.read_text("utf-8") != content
        if is_new:
            print(f"{file} is not up to date: run texts.py without --check")
        print(f"texts: {asked.app.name} has {content.count('<trans-unit')} texts in Dutch, {len(lacking)} are missing")
        return int(is_new or bool(lacking or without))
    file.parent.mkdir(exist_ok=True)
    file.write_text(content, "utf-8")
    return int(bool(lacking or without))


if __name__ == "__main__":
    sys.exit(main())
