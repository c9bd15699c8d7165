"""Makes pages from templates. All that a template is given is escaped; templates hold no script and no style."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from .guard.forms import FIELD, csrf_of
from .guard.session import Session
from .names import Names
from .site import DAGSTER, site_of
from .words import LOCALES, Language, Words, chosen, words_of
from .words.said import Said
from .words.written import Written


@cache
def environment() -> Environment:
    """The templates. A name that a page did not give is an error, and never an empty text."""
    made = Environment(
        loader=PackageLoader("winbc_pipeline.dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["csrf_field"] = FIELD
    return made


def language_of(request: Request) -> Language:
    """The language in which a request is answered."""
    setting = site_of(request).settings.dashboard.language
    return chosen(setting, request.headers.get("accept-language", ""))


def words_for(request: Request) -> Words:
    """The words in the language of a request."""
    return words_of(language_of(request))


def written_for(request: Request) -> Written:
    """Amounts and moments in the language of a request, by the clock of the setting `time_zone`."""
    return Written(language_of(request), site_of(request).settings.time_zone)


def render(request: Request, template: str, page: str = "", status: int = 200, **given: object) -> HTMLResponse:
    """A page, or a part of one for htmx.

    Beside what is given, a template has `_` (words), `written` (amounts, moments), `names` (of flows and reasons),
    `said` (for what the program says in English), `language`, `session` (None before log-in), `csrf` and `csrf_field`
    (for forms), `pages` (for the navigation), `page`, `dagster` and `now`.

    Args:
        template: its name in `templates/`.
        page: name of the page whose entry in the navigation is marked.
    """
    site, session = site_of(request), request.scope.get("winbc.session")
    language = language_of(request)
    told = {
        "_": words_of(language),
        "written": written_for(request),
        "names": Names(words_of(language)),
        "said": Said(language),
        "language": LOCALES[language].replace("_", "-"),
        "session": session,
        "csrf": csrf_of(session, site.access) if session else "",
        "pages": _listed(request, session),
        "page": page,
        "dagster": DAGSTER,
        "connection": site.settings.connection,
        "now": site.now(),
    }
    return HTMLResponse(environment().get_template(template).render(told | given), status)


def _listed(request: Request, session: Session | None) -> list[object]:
    pages = request.app.state.pages
    return [page for page in pages if page.listed and session and session.may(page.role)]
