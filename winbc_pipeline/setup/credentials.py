"""Step 2: who signs in, each tried by a call of its own: token, companies, each table read, each right to write."""

from collections.abc import Callable
from contextlib import closing

from ..errors import AuthenticationFailed, WinbcError
from ..flows import FLOWS
from ..settings import Settings
from ..systems.business_central import BusinessCentral
from ..systems.business_central.auth import authorization_source
from ..workbench.checks import read_winstore
from ..workbench.rights import Right, rights, try_right
from .questions import Choice, Question, yes_no
from .sitting import Sitting
from .systems import HOST, ask_winstore_address

# behaviour.md section 2: how an application gets in, and that SUPER cannot be assigned to it.
ENTRA = """\
How Business Central online lets winbc in, in this order:
  1. entra.microsoft.com, App registrations, New registration: name `winbc`, accounts of this directory only.
  2. Copy the Application (client) id from its overview. It is asked for below.
  3. API permissions, Add, Dynamics 365 Business Central, Application permissions: API.ReadWrite.All.
     Then Grant admin consent. A token is refused or has no rights without it.
  4. Certificates & secrets, New client secret. Copy its Value now: it is shown once. It is asked for below.
  5. In Business Central, search Microsoft Entra Applications, New: the client id, State Enabled, and permission sets
     for your company: `D365 CUSTOMER, EDIT`, `D365 ITEM, EDIT`, `D365 SALES DOC, EDIT`. SUPER cannot be assigned.
     Which rights are still lacking is tried below, one by one."""
READ = "Winstore: read {}"
TOKEN, COMPANIES = "Business Central: token", "Business Central: companies"
PROBE = "init.probe"
TRY_WRITES = """\
The rights to write can only be tried by writing. A made-up record of each kind goes to Business Central in a
transaction whose last call must fail, so Business Central undoes it. Numbers of number series may be used up, and what
an extension commits on its own is not undone: in a production company, say yes only if you accept that."""


def ask_credentials(sitting: Sitting) -> None:
    """Asks who signs in to both systems, and which company is meant; tries everything."""
    ask_winstore(sitting)
    online = bool(sitting.settings.bc.authority)
    if HOST in sitting.settings.bc.base_url:
        sitting.desk.say(ENTRA)
    ask = _ask_application if online else _ask_user
    if sitting.until_right(lambda: ask(sitting), lambda: _signs_in(sitting, online)):
        _ask_company(sitting)
        _try_rights(sitting)


def ask_winstore(sitting: Sitting) -> None:
    """Asks who signs in to Winstore until each entity can be read; where the user is not refused, the address, too."""
    _ask_winstore_user(sitting)
    while problems := _unread(sitting):
        if not sitting.desk.again():
            return
        if not any(isinstance(each, AuthenticationFailed) for each in problems):
            ask_winstore_address(sitting)
        _ask_winstore_user(sitting)


def _ask_winstore_user(sitting: Sitting) -> None:
    own = sitting.settings.winstore
    sitting.ask(Question("winstore.user", "User of Winstore's web service", own.user or None))
    sitting.ask_secret("winstore.password", "Its password", own.password)


def _unread(sitting: Sitting) -> list[WinbcError]:
    """Reads each entity of Winstore; returns the problems. Where all have one of a kind, only the first is told."""
    entities = list(dict.fromkeys(flow.entity for flow in FLOWS if flow.source == "winstore"))
    problems: dict[str, WinbcError] = {}
    for entity in entities:
        try:
            found = read_winstore(sitting.settings, entity).looked_at
        except WinbcError as error:
            problems[entity] = error
        else:
            sitting.desk.tried(READ.format(entity), found, None)
    for each in [what for what in sitting.problems if what.startswith(READ.format(""))]:
        del sitting.problems[each]
    if len(problems) == len(entities) and len({each.code for each in problems.values()}) == 1:
        sitting.note(READ.format(", ".join(entities)), problems[entities[0]])
    else:
        for entity, problem in problems.items():
            sitting.note(READ.format(entity), problem)
    return list(problems.values())


def _ask_application(sitting: Sitting) -> None:
    bc = sitting.settings.bc
    sitting.ask(Question("bc.client_id", "Application (client) id", bc.client_id or None))
    sitting.ask_secret("bc.client_secret", "Value of the client secret", bc.client_secret)


def _ask_user(sitting: Sitting) -> None:
    bc = sitting.settings.bc
    sitting.ask(Question("bc.user", "User of Business Central", bc.user or None))
    sitting.ask_secret("bc.password", "Its password or web service access key", bc.password)


def _signs_in(sitting: Sitting, online: bool) -> bool:
    """Whether there is a token, and whether Business Central takes it."""
    if online and not sitting.try_out(TOKEN, lambda: _token(sitting.settings)):
        return False
    return sitting.try_out(COMPANIES, lambda: ", ".join(_companies(sitting.settings)))


def _token(settings: Settings) -> str:
    authorization_source(settings.bc, settings.ca_bundle)(None)
    return "the authority gives one (steps 1 to 4)"


def _companies(settings: Settings) -> list[str]:
    with closing(BusinessCentral(settings)) as target:
        return sorted(str(each["name"]) for each in target.companies())


def _ask_company(sitting: Sitting) -> None:
    names = _companies(sitting.settings)
    present = sitting.settings.bc.company
    default = present if present in names else names[0] if len(names) == 1 else None
    sitting.ask(Question("bc.company", "Which company?", default, [Choice(name) for name in names]))


def _try_rights(sitting: Sitting) -> None:
    with closing(BusinessCentral(sitting.settings)) as target:
        asked = list(rights(sitting.settings))
        for right in asked:
            if right.name == "read":
                sitting.try_out(str(right), _tried(target, right))
        sitting.desk.say(TRY_WRITES)
        is_live = "/production/" in sitting.settings.bc.base_url.lower()
        if sitting.desk.ask(yes_no(PROBE, "Try the rights to write now?", not is_live)) == "no":
            sitting.desk.say("Not tried. `winbc init --step 2` tries them later.")
            return
        for right in asked:
            if right.name != "read":
                sitting.try_out(str(right), _tried(target, right))


def _tried(target: BusinessCentral, right: Right) -> Callable[[], str]:
    return lambda: try_right(target, right)
