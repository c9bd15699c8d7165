"""What a page module gives: its routes, and its entry in the navigation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from starlette.routing import BaseRoute

from .guard.access import Role
from .site import Site


@dataclass(frozen=True)
class Page:
    """A page, or some pages that share an entry in the navigation.

    Attributes:
        name: of the page's words (`words/<language>/<name>.toml`); its `title` is the entry in the navigation.
        path: where the entry leads. All paths of the page begin with it.
        routes: gives the routes. Functions without `async` run in a thread: use them for all that reads files.
        role: who sees the entry. Each route guards itself with `require`.
        listed: whether the navigation lists it.
    """

    name: str
    path: str
    routes: Callable[[Site], Sequence[BaseRoute]]
    role: Role = "view"
    listed: bool = True
