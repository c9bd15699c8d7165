"""What a profile cannot do that a profile of contract version 2 can, in words for people.

A profile of version 1 keeps working. It is asked by what it says, not by its number, because a user's own profile of
version 2 may leave calls out that his Winstore does not have.
"""

from collections.abc import Callable

from .profile import FieldType, Profile, load_profile

ABILITIES: tuple[tuple[str, Callable[[Profile], bool]], ...] = (
    (
        "no look-up of customers or articles: plans to Winstore show old values as not known",
        lambda profile: {"customers", "articles"} <= set(profile.finds),
    ),
    (
        "no key in the answer to a write: a record that Winstore numbers itself is not linked",
        lambda profile: all(profile.writes[name].id for name in ("customers", "articles") if name in profile.writes),
    ),
    (
        "no addresses of customers beside their own",
        lambda profile: "customers" not in profile.reads or bool(profile.reads["customers"].groups),
    ),
    (
        "no lines of articles: an article is not written with its variants in one call",
        lambda profile: "articles" not in profile.writes or bool(profile.writes["articles"].lines),
    ),
    (
        "no pictures of articles",
        lambda profile: "articles" in profile.pictures and "picture" in profile.reads["articles"].fields,
    ),
    (
        "no call that writes a picture: pictures of items do not go to Winstore",
        lambda profile: all(each.write for each in profile.pictures.values()),
    ),
    (
        "no stock flags: which articles have their stock kept is not known",
        lambda profile: "stock" not in profile.reads or "managestock" in profile.reads["stock"].fields,
    ),
    (
        "no chunks: a long read begins anew when it is killed",
        lambda profile: all(each.limit for each in profile.reads.values()),
    ),
)


def lacking(profile: Profile) -> tuple[str, ...]:
    """What the profile cannot do, a line each; empty for the shipped one."""
    return tuple(words for words, has in ABILITIES if not has(profile))


def left_out(profile: Profile, entity: str) -> dict[str, FieldType]:
    """The optional fields of an entity that a profile does not read, with their kinds.

    The shipped mapping tables may read such a field; its value is empty then.
    """
    shipped = load_profile(None).entity(entity)
    return {name: shipped.fields[name] for name in shipped.optional if name not in profile.entity(entity).fields}
