"""The pages of the dashboard, in the order of the navigation. The first one is where people arrive."""

from ..page import Page
from . import activity, login, mapping, me, order, overview, plan, reconcile, settings, stock, todo, work

PAGES: tuple[Page, ...] = (
    overview.PAGE,
    activity.PAGE,
    todo.PAGE,
    plan.PAGE,
    mapping.PAGE,
    order.PAGE,
    stock.PAGE,
    reconcile.PAGE,
    settings.PAGE,
    me.PAGE,
    login.PAGE,
    work.PAGE,
)
