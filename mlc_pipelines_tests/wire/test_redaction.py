"""Redaction: no secret that is known, and nothing that looks like one, reaches a log."""

import html
import io
import json
import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import SecretStr

from mlc_pipelines.wire.redaction import MASK, Redactor

SECRETS = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x24F, exclude_characters="[]"), min_size=4, max_size=40
)
AROUND = st.text(max_size=60)


@pytest.fixture
def redactor() -> Redactor:
    """A registry of its own."""
    return Redactor()


@given(secret=SECRETS, before=AROUND, after=AROUND)
def test_a_known_secret_never_passes(secret: str, before: str, after: str) -> None:
    """Plain, in an address, in a form or in JSON: the value is gone."""
    assume(secret not in MASK)
    redactor = Redactor()
    redactor.register(SecretStr(secret))
    for spelling in (secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)):
        text = redactor.redact(f"{before} {spelling} {after}")
        assert secret not in text.replace(MASK, "")
        assert MASK in text


def by_html(secret: str) -> str:
    return "".join(sign if sign.isalnum() else f"&#{ord(sign)};" for sign in secret)


@pytest.mark.parametrize(
    "spelled",
    [
        lambda secret: json.dumps(secret).replace("/", "\\/"),  # as PHP writes it
        lambda secret: json.dumps(secret).replace("=", "\\u003D").replace("&", "\\u0026"),  # as Gson writes it
        lambda secret: json.dumps(json.dumps(secret).replace("/", "\\/")),
        lambda secret: quote(secret, safe="").lower().replace("c4nary", "C4NARY"),  # as .NET writes it
        lambda secret: quote(secret, safe="/"),
        lambda secret: quote(quote(secret, safe="")),
        html.escape,
        by_html,
    ],
)
def test_a_known_secret_is_masked_however_the_other_side_spells_it(
    redactor: Redactor, spelled: Callable[[str], str]
) -> None:
    """In logs, and in bodies: our copy of an answer and the problem of a record are kept."""
    redactor.register(SecretStr("C4NARY+a/b=&\"'<é\U0001f511=="))
    text = spelled("C4NARY+a/b=&\"'<é\U0001f511==")
    assert "C4NARY" not in redactor.redact(f"error: {text}.")
    assert b"C4NARY" not in redactor.mask(f"error: {text}.".encode())


@given(secrets=st.lists(SECRETS, min_size=2, max_size=5, unique=True), words=st.lists(st.integers(0, 4), max_size=8))
def test_many_secrets_and_one_inside_another(secrets: list[str], words: list[int]) -> None:
    """A secret that begins with another one does not leave its end behind."""
    assume(all(secret not in MASK for secret in secrets))
    long = secrets[0] + secrets[1]
    redactor = Redactor()
    for secret in (*secrets, long):
        redactor.register(SecretStr(secret))
    text = redactor.redact(" ".join([long, *(secrets[word % len(secrets)] for word in words)]))
    assert all(secret not in text.replace(MASK, " ") for secret in secrets)
    assert text.startswith(f"{MASK} ") or text == MASK


@given(st.text(st.characters(categories=["L", "N", "Zs"]), max_size=200))
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    """The mask itself is not masked."""
    redactor = Redactor()
    redactor.register(SecretStr("hunter22"))
    once = redactor.redact(f"{text} hunter22 client_secret=abcdef {text}")
    assert redactor.redact(once) == once


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer CANARY.eyJ-x_y",
        "authorization: basic Q0FOQVJZQ0FOQVJZCANARY==",
        "client_id=a&client_secret=CANARY&grant_type=b",
        "https://x.example/?access_token=CANARY",
        '{"access_token":"CANARY","expires_in":3600}',
        '{"refresh_token" : "CAN\\"CANARY"}',
        "{'password': 'CANARY', 'user': 'x'}",
        '"{\\"client_secret\\": \\"CANARY\\"}"',
        "api_key: CANARY",
        'body {"access_token": "CANARY cut\nnext line',
        "apiKey=CANARY",
        "sessionId=CANARY;",
        "-----BEGIN EC PRIVATE KEY-----\nCANARY\n-----END EC PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nCANARY cut off",
    ],
)
def test_what_looks_like_a_secret_is_masked(redactor: Redactor, text: str) -> None:
    """Headers, forms, addresses, JSON and keys, though nobody registered the value."""
    assert "CANARY" not in redactor.redact(text)
    assert MASK in redactor.redact(text)


@pytest.mark.parametrize(
    "document",
    [
        {"access_token": "CANARY"},
        {"told": [{"client_secret": "CANARY"}]},
        {"password": 'CAN"ARY and CANARY'},
        {"secret": ["CANARY", "CANARY"]},
        {"label": "Authorization: Bearer CANARY"},
        {"Authorization": "Basic Q0FOQVJZQ0FOQVJZCANARY=="},
        {"api_key: CANARY": 1},
        {"problem": 'password: "CANARY'},
        {"body": '{"access_token": "CANARY cut\nnext line'},
        {"known": 48_151_623},
        {"48151623": "known"},
        {"session_id": 48_151_623},
    ],
    ids=repr,
)
def test_what_looks_like_a_secret_is_masked_in_a_document(redactor: Redactor, document: dict[str, Any]) -> None:
    """In texts, in keys, in numbers, and under names of secrets."""
    redactor.register(SecretStr("48151623"))
    told = json.dumps(redactor.redact_each(document))
    assert MASK in told
    assert "CANARY" not in told
    assert "48151623" not in told


def test_what_is_no_secret_stays_in_a_document(redactor: Redactor) -> None:
    """Numbers stay numbers, and what has no value has none."""
    document = {"a": [1, 2.5, True, None, "x"], "bearer": {"count": 4711}, "secrets": "acme/ramp", "password": None}
    assert redactor.redact_each(document) == document


@pytest.mark.parametrize(
    "text",
    ["invoice 4711 of supplier 10023 over 12.30 USD", "bearer of news", "basic settings", "token of acme", "a=b"],
)
def test_plain_words_stay(redactor: Redactor, text: str) -> None:
    """A log that is all masks tells nothing."""
    assert redactor.redact(text) == text


def test_a_form_keeps_its_other_fields(redactor: Redactor) -> None:
    """Only the secret's value is masked."""
    assert redactor.redact("a=1&client_secret=xyz&b=2") == f"a=1&client_secret={MASK}&b=2"
    assert redactor.redact('{"access_token":"xyz","n":1}') == f'{{"access_token":"{MASK}","n":1}}'


def test_long_text_is_masked_in_linear_time(redactor: Redactor) -> None:
    """Text made to be slow is not."""
    text = "client_secret" * 20_000 + '"' * 20_000 + "secret:" + " " * 20_000 + "-----BEGIN " * 5_000
    assert len(redactor.redact(text)) > 0


def test_short_values_are_not_registered(redactor: Redactor) -> None:
    """An empty or tiny secret does not mask every word."""
    for value in ("", "a", "abc"):
        redactor.register(SecretStr(value))
    assert redactor.redact("abcabc") == "abcabc"


def test_what_is_never_sent_is_not_looked_for_in_bodies(redactor: Redactor) -> None:
    """No record loses a word that happens to be the database's password."""
    redactor.register(SecretStr("postgres"), sent=False)
    assert redactor.redact("postgres") == MASK
    assert redactor.mask(b"postgres") == b"postgres"


def test_a_value_is_masked_until_it_is_forgotten_as_often(redactor: Redactor) -> None:
    """Two holders of one secret do not unmask it for each other."""
    secret = SecretStr("hunter22")
    redactor.register(secret)
    redactor.register(secret)
    redactor.forget(secret)
    assert redactor.redact("hunter22") == MASK
    redactor.forget(secret)
    redactor.forget(secret)
    assert redactor.redact("hunter22") == "hunter22"


class TestLogging:
    @pytest.fixture
    def lines(self, redactor: Redactor) -> tuple[logging.Logger, io.StringIO]:
        """A logger with one handler and the redactor before both."""
        stream = io.StringIO()
        handler = logging.StreamHandler(stream)
        handler.setFormatter(logging.Formatter("%(message)s %(entry)s", defaults={"entry": ""}))
        logger = logging.Logger("test")
        logger.addHandler(handler)
        redactor.register(SecretStr("hunter22"))
        redactor.install(logger)
        redactor.install(logger)
        return logger, stream

    def test_message_arguments_and_extras_are_masked(self, lines: tuple[logging.Logger, io.StringIO]) -> None:
        """Wherever the value stands in a record."""
        logger, stream = lines
        logger.info("first %s", "hunter22", extra={"entry": "hunter22"})
        logger.info("second", extra={"entry": {"deep": ["hunter22"]}})
        logger.info("third", extra={"entry": 7})
        assert "hunter22" not in stream.getvalue()
        assert f"first {MASK} {MASK}" in stream.getvalue()
        assert "third 7" in stream.getvalue()

    def test_tracebacks_are_masked(self, lines: tuple[logging.Logger, io.StringIO]) -> None:
        """Also the text of a cause of the exception."""
        logger, stream = lines
        try:
            try:
                raise ValueError("hunter22")
            except ValueError as exc:
                raise RuntimeError("outer") from exc
        except RuntimeError:
            logger.exception("failed")
        assert "RuntimeError: outer" in stream.getvalue()
        assert "hunter22" not in stream.getvalue()

    def test_a_record_with_wrong_arguments_is_not_lost(self, lines: tuple[logging.Logger, io.StringIO]) -> None:
        """A slip in a log call neither raises nor leaks."""
        logger, stream = lines
        logger.info("%s and %s", "hunter22")  # noqa: PLE1206 - the slip itself
        assert MASK in stream.getvalue()
        assert "hunter22" not in stream.getvalue()

    def test_records_of_loggers_below_are_masked_at_the_handler(self, redactor: Redactor) -> None:
        """A library's own logger passes the handlers of the root."""
        stream = io.StringIO()
        parent = logging.Logger("parent")
        parent.addHandler(logging.StreamHandler(stream))
        child = logging.Logger("child")
        child.parent = parent
        redactor.register(SecretStr("hunter22"))
        redactor.install(parent)
        child.warning("hunter22")
        assert stream.getvalue() == f"{MASK}\n"
