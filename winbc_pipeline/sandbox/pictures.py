"""The pictures of the Winstore sandbox's articles: the calls that read and write one, and the control call to set one.

GetArticlePicture, PostArticlePicture and the article's field `picture` are assumed (docs/winstore-contract.md).
"""

import base64
import binascii
import hashlib
from pathlib import Path
from typing import Any

from .control import timestamp
from .records import Record, Records
from .refusals import Refused, required_text
from .shop import Shop

KINDS = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpeg"}  # by the bytes with which a file begins


def picture_of(records: Records, asked: dict[str, str]) -> tuple[str, bytes]:
    """The content type and the bytes of an article's picture. Raises Refused without one."""
    key = required_text(asked, "artkey")
    article = records.get("articles", key) or {}
    content = records.blob(_place(key))
    name = str(article.get("picture") or "")
    if not name or not content:
        raise Refused(404, f"article {key} has no picture")
    return f"image/{name.rpartition('.')[2]}", content  # whatever it is: a shop may give what it never checked


def post_picture(shop: Shop, asked: dict[str, str], content: bytes) -> None:
    """Answers PostArticlePicture: gives the article `artkey` a picture, and adds that to the log of writes.

    Raises Refused for what is no PNG or JPEG, and without the article.
    """
    key = required_text(asked, "artkey")
    if not shop.records.get("articles", key):
        raise Refused(404, f"article {key} is not known")
    try:
        _set(shop, key, content, _kind(content))
    except ValueError as error:
        raise Refused(400, str(error)) from None
    now = timestamp(shop.clock.now())
    shop.records.log_write(now, "POST", "PostArticlePicture", key, "", {"bytes": len(content)})


def load_pictures(records: Records, folder: Path, articles: list[Record]) -> None:
    """Takes in the files that articles name as their pictures. Without its file, a picture is named and not there.

    Raises ValueError for what is no PNG or JPEG.
    """
    contents = {file.name: file.read_bytes() for file in folder.glob("*")}
    for content in contents.values():
        _kind(content)
    for article in articles:
        place = _place(article["artkey"])
        if article["picture"] in contents:
            records.store_blob(place, contents[article["picture"]])
        else:
            records.drop_blob(place)


def set_picture(shop: Shop, body: dict[str, Any]) -> dict[str, str]:
    """Answers `POST /__picture`: sets the picture of the article `artkey` to `content` (base64; empty removes it).

    The article's `picture` becomes a name that tells one content from another, and its `modified` the present moment.
    Raises ValueError for what is no PNG or JPEG, LookupError without the article.
    """
    key = str(body.get("artkey") or "")
    if not shop.records.get("articles", key):
        raise LookupError(f"There is no article {key}.")
    try:
        content = base64.b64decode(str(body.get("content") or ""), validate=True)
    except binascii.Error:
        raise ValueError("content is not base64.") from None
    return {"artkey": key, "picture": _set(shop, key, content, _kind(content) if content else "")}


def _set(shop: Shop, key: str, content: bytes, kind: str) -> str:
    """Sets or removes the picture of an article, which has another `picture` and `modified` then; gives its name."""
    name = f"{hashlib.sha256(content).hexdigest()[:16]}.{kind}" if content else ""
    if content:
        shop.records.store_blob(_place(key), content)
    else:
        shop.records.drop_blob(_place(key))
    known = shop.records.get("articles", key) or {}
    shop.records.replace("articles", key, known | {"picture": name, "modified": timestamp(shop.clock.now())})
    return name


def _kind(content: bytes) -> str:
    for beginning, kind in KINDS.items():
        if content.startswith(beginning):
            return kind
    raise ValueError("A picture is PNG or JPEG.")


def _place(key: str) -> str:
    return f"articles/{key}"
