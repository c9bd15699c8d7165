"""The pages of the dashboard, in the order of the navigation. The first one is where people arrive."""

from ..page import Page
from . import activity, login, me, overview

PAGES: tuple[Page, ...] = (overview.PAGE, activity.PAGE, me.PAGE, login.PAGE)
