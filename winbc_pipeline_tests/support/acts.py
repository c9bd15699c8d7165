"""What the audit log of a connection says was done, without who came and went."""

from winbc_pipeline import audit
from winbc_pipeline.settings import Settings


def acts_of(settings: Settings) -> list[audit.Entry]:
    """The entries but those of log-ins and log-outs."""
    return [each for each in audit.entries(settings) if each.act not in ("log-in", "log-out")]
