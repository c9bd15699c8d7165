"""The shapes in which API v1.0 shows values: complex types, plain option names, types in `$metadata`.

Here belongs: a value by itself. Which record has which: v1.py.
"""

from xml.sax.saxutils import quoteattr

from ..records import Record
from .data.refusal import bad_request
from .data.schema import Facts

ADDRESS = {  # v1.0's member of an address, and the end of v2.0's field name
    "street": "AddressLine1",
    "city": "City",
    "state": "State",
    "countryLetterCode": "Country",
    "postalCode": "PostCode",
}
LINE_BREAK = "\r\n"
# An address of a document, and the beginning of v2.0's field names, as in sellToCity.
SIDES = {"sellingPostalAddress": "sellTo", "billingPostalAddress": "billTo", "shippingPostalAddress": "shipTo"}
COMPLEX = {  # the complex types of v1.0 and their members
    "POSTALADDRESS": ("street", "city", "state", "countryLetterCode", "postalCode"),
    "ITEM-UOM": ("code", "displayName", "symbol"),
    "DOCUMENTLINEOBJECTDETAILS": ("number", "displayName"),
    "DIMENSION": ("code", "displayName", "valueCode", "valueDisplayName"),
}


def complex_type(name: str, members: tuple[str, ...]) -> str:
    """The declaration of a complex type in CSDL."""
    properties = "".join(f'<Property Name="{member}" Type="Edm.String"/>' for member in members)
    return f"<ComplexType Name={quoteattr(name)}>{properties}</ComplexType>"


def csdl_type(kind: Facts) -> str:
    """The type of a field in CSDL."""
    name = str(kind.get("complex", ""))
    if name.startswith("Collection("):
        return name.replace("(", "(Microsoft.NAV.")
    if name:
        return f"Microsoft.NAV.{name}"
    return "Edm.String" if kind["edm"] in (None, "Enum") else str(kind["edm"])


def _address_fields(field: str) -> dict[str, str]:
    """The field of v2.0 for each member of an address: `sellToCity` on documents, `city` elsewhere."""
    side = SIDES.get(field)
    if side:
        return {member: side + name for member, name in ADDRESS.items()}
    plain = {member: name[0].lower() + name[1:] for member, name in ADDRESS.items()}
    return plain | {"postalCode": "postalCode"}


def flat_address(field: str, value: object) -> Record:
    """A nested address of v1.0 in the fields of v2.0. A line break in the street divides its two lines."""
    fields = _address_fields(field)
    if value is None:
        return dict.fromkeys((*fields.values(), fields["street"].replace("1", "2")), "")
    needed = ("street", "city", "countryLetterCode", "postalCode")
    if not isinstance(value, dict) or any(name not in value for name in needed):
        raise bad_request(f"The {field} must have {', '.join(needed)}.")
    first, _, second = str(value["street"]).replace(LINE_BREAK, "\n").partition("\n")
    flat = {fields[member]: str(value.get(member) or "") for member in fields}
    return flat | {fields["street"]: first, fields["street"].replace("1", "2"): second}


def nested_address(field: str, record: Record) -> Record:
    fields = _address_fields(field)
    address: Record = {member: record.get(name, "") for member, name in fields.items()}
    second = record.get(fields["street"].replace("1", "2"), "")
    return address | {"street": address["street"] + (LINE_BREAK + second if second else "")}


def named_record(field: str, value: object, member: str) -> str:
    """The code or number by which a nested object names a record. A null names none."""
    if value is None:
        return ""
    named = value.get(member, "") if isinstance(value, dict) else None
    if not isinstance(named, str):
        raise bad_request(f"The {field} must be an object with {member}.")
    return named
