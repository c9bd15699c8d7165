"""The currency of prices: Business Central keeps those of items in the company's own, and Winstore tells none."""

from ..errors import ConfigurationError
from ..settings import Settings
from ..systems.business_central import BusinessCentral


def check_currency(settings: Settings, target: BusinessCentral) -> None:
    """Raises ConfigurationError when the company's own currency is not the one that `products.currency` names."""
    wanted = settings.products.currency
    if not wanted:
        return
    found = {str(each.get("currencyCode") or "") for each in target.get("companyInformation?$select=id,currencyCode")}
    if found != {wanted}:
        own = ", ".join(sorted(found - {""})) or "not told (LCY Code in General Ledger Setup is empty)"
        words = f"prices of articles are in {wanted} (`products.currency`), and the company's own currency is {own}"
        hint = "Connect a company in that currency, or correct the setting. Prices are never converted."
        raise ConfigurationError(f"{words}.", hint)
