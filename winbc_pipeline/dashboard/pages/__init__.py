"""The pages of the dashboard, in the order of the navigation. The first one is where people arrive."""

from ..page import Page
from . import login, me

PAGES: tuple[Page, ...] = (me.PAGE, login.PAGE)
