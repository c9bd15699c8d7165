"""Step 1: the two systems, and the name of the connection."""

from urllib.parse import urlsplit

from ..errors import ConfigurationError
from ..systems.transport import check_address
from .questions import Choice, Question
from .sitting import Sitting

# behaviour.md sections 1 and 2: base URLs of Business Central online, and the authority of its tokens.
ONLINE = "https://api.businesscentral.dynamics.com/v2.0/{tenant}/{environment}/api/v2.0"
HOST = "businesscentral.dynamics.com"
AUTHORITY = "https://login.microsoftonline.com/{tenant}"
KIND, TENANT, ENVIRONMENT = "init.business_central", "init.tenant", "init.environment"
KINDS = (
    Choice("online", "Business Central online, with an Entra application"),
    Choice("on_premises", "on your own server, with user and password or web service key"),
    Choice("other", "any other address of API v2.0 with an authority of its own, such as the sandbox"),
)


def ask_systems(sitting: Sitting) -> None:
    """Asks for the name of the connection, and where both systems are."""
    settings = sitting.settings
    name = Question("connection", "A name for this pair of systems", settings.connection, wrong=_no_name)
    sitting.ask(name)
    kind = sitting.desk.ask(Question(KIND, "Where does Business Central run?", _kind(sitting), KINDS))
    if kind == "online":
        _ask_online(sitting)
    else:
        _ask_address(sitting, kind)
    ask_winstore_address(sitting)


def ask_winstore_address(sitting: Sitting) -> None:
    """Asks where Winstore is."""
    words = "Address of Winstore's web service, such as https://shop.example.com/iposws/api/osd"
    present = sitting.settings.winstore.base_url or None
    sitting.ask(Question("winstore.base_url", words, present, wrong=_no_address))


def _kind(sitting: Sitting) -> str:
    bc = sitting.settings.bc
    if bc.user or (bc.base_url and not bc.authority):
        return "on_premises"
    is_online = not bc.base_url or HOST in bc.base_url
    return "online" if is_online else "other"


def _ask_online(sitting: Sitting) -> None:
    tenant, environment = _parts(sitting.settings.bc.base_url)
    words = "Directory (tenant) id, or domain such as example.com"
    chosen = sitting.desk.ask(Question(TENANT, words, tenant or None, wrong=_no_segment))
    words = "Environment of Business Central, such as production or sandbox"
    place = sitting.desk.ask(Question(ENVIRONMENT, words, environment or "production", wrong=_no_segment))
    sitting.file.put("bc.base_url", ONLINE.format(tenant=chosen, environment=place))
    sitting.file.put("bc.authority", AUTHORITY.format(tenant=chosen))
    sitting.file.put("bc.user", None)


def _parts(base_url: str) -> tuple[str, str]:
    """Tenant and environment of an address of Business Central online; empty when it is another address."""
    parts = urlsplit(base_url).path.strip("/").split("/")
    return (parts[1], parts[2]) if len(parts) == 5 and parts[0] == "v2.0" else ("", "")


def _ask_address(sitting: Sitting, kind: str) -> None:
    bc = sitting.settings.bc
    words = "Address of API v2.0; it ends with /api/v2.0"
    sitting.ask(Question("bc.base_url", words, bc.base_url or None, wrong=_no_api))
    if kind == "on_premises":
        sitting.file.put("bc.authority", None)
    else:
        words = "Address of the authority that gives the tokens"
        sitting.ask(Question("bc.authority", words, bc.authority or None, wrong=_no_address))
        sitting.file.put("bc.user", None)


def _no_name(answer: str) -> str:
    plain = answer.replace("-", "").replace("_", "")
    return "" if plain.isalnum() else "letters, digits, - and _ only"


def _no_segment(answer: str) -> str:
    return "no blanks and no /" if "/" in answer or " " in answer else ""


def _no_api(answer: str) -> str:
    return _no_address(answer) or ("" if answer.rstrip("/").endswith("/api/v2.0") else "it ends with /api/v2.0")


def _no_address(answer: str) -> str:
    """Why an address cannot be one, in words."""
    try:
        check_address("the address", answer)
    except ConfigurationError as error:
        return error.message.rstrip(".")
    return ""
