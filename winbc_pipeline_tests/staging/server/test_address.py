"""What is said of a server with which no session begins.

Source of the promises: docs/errors.md, E-STATE.
"""

from types import SimpleNamespace
from typing import Any

import psycopg2
import pytest

from winbc_pipeline.errors import StateUnavailable
from winbc_pipeline.staging.server import address

PLACE = "postgresql://winbc:secret@db.example/winbc"
BEGINS = 'connection to server at "db.example" (10.0.0.1), port 5432 failed: '


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (f'{BEGINS}root certificate file "/root.crt" does not exist', "certificate is not trusted here"),
        (f"{BEGINS}SSL error: certificate verify failed", "certificate is not trusted here"),
        (f'{BEGINS}FATAL:  password authentication failed for user "winbc"', "refuses the user or the password"),
        (f"{BEGINS}fe_sendauth: no password supplied", "refuses the user or the password"),
        (f'{BEGINS}FATAL:  database "winbc" does not exist', "has no such database"),
        ('could not translate host name "db.example" to address', "its name is not known here"),
        (f"{BEGINS}server does not support SSL, but SSL was required", "speaks no TLS"),
        (f"{BEGINS}Connection refused", "does not answer"),
    ],
)
def test_why_no_session_begins_is_named_without_the_password(
    said: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: Any, **__: Any) -> None:
        raise psycopg2.OperationalError(f"{said} {PLACE}")

    monkeypatch.setattr(address, "needed_driver", lambda: SimpleNamespace(connect=refuses, Error=psycopg2.Error))
    with pytest.raises(StateUnavailable, match=f"E-STATE: PostgreSQL at db.example/winbc .*{words}") as raised:
        address.connect(PLACE)
    assert "secret" not in str(raised.value)
