"""Which fields of records tell something of a person, by their names and kinds: the one rule for all that is shown.

Here belongs: the rule. What is published by it: health/publishing/masking.py. What people see: workbench/shown.py. What
is taken out of messages: health/redaction.py. A text is a person's unless its name says that it is a code.
"""

import re

FREE_TEXTS = ("description", "description2")
"""Fields of a line into which people write what they like."""

# Names of fields whose texts are codes.
CODE = re.compile(
    r"(nr|number|id|key|sku|gtin|iso|code|state|status|currency|method|branch|channel|type|date|group|rate|percent)$",
    re.IGNORECASE,
)
# Parts of names whose texts are people's all the same. A VAT number is a person's; a VAT code or rate is not.
PERSONAL = re.compile(
    r"name|street|address|zip|post(?!ing)|city|ToState|phone|fax|mail|contact|birth|note|"
    r"(vat|tax|btw)(?!\w*(code|rate|percent|group|area))",
    re.IGNORECASE,
)


def is_open(name: str, kind: str) -> bool:
    """Whether a field of people's records tells nothing of a person.

    Args:
        kind: text, decimal, boolean, date and so on.
    """
    if kind != "text":
        return "birth" not in name.lower()
    return bool(CODE.search(name)) and not PERSONAL.search(name)


def is_personal(name: str) -> bool:
    """Whether a field's name says that its text is a person's."""
    return bool(PERSONAL.search(name))
