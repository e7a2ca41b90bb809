"""The vault: what is sealed opens in its own place only, and goes on opening while keys change."""

import base64
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import Engine, insert, select, update

from mlc_pipelines.connections.keys import Key, KeyRing, add_key
from mlc_pipelines.connections.tables import METADATA, tokens, vault_secrets
from mlc_pipelines.connections.vault import Vault, environment_name
from mlc_pipelines.errors import ConfigurationError
from mlc_pipelines.ledger.database import open_engine, reading, upgrade, writing
from mlc_pipelines.wire.redaction import REDACTOR
from mlc_pipelines_tests.wire.conftest import SteppedClock

NAME = "acme/ifs/client_secret"
VALUE = SecretStr("pass-phrase-of-acme-é-1")
OTHER = SecretStr("pass-phrase-of-beta-2")


def row(engine: Engine, name: str = NAME) -> tuple[str, str, float]:
    with reading(engine) as connection:
        found = connection.execute(select(vault_secrets).where(vault_secrets.c.name == name)).one()
    return found.key_id, found.sealed, found.changed_at


def overwrite(engine: Engine, sealed: str, name: str = NAME) -> None:
    with writing(engine) as connection:
        connection.execute(update(vault_secrets).where(vault_secrets.c.name == name).values(sealed=sealed))


def plain(vault: Vault, name: str = NAME) -> str:
    return vault.get(name).get_secret_value()


def test_a_secret_is_kept_replaced_named_and_forgotten(vault: Vault, engine: Engine, clock: SteppedClock) -> None:
    """The newest value counts; the time of the change is written beside it."""
    vault.set(NAME, OTHER)
    clock.sleep(60)
    vault.set(NAME, VALUE)
    vault.set("acme/ramp", OTHER)
    assert plain(vault) == VALUE.get_secret_value()
    assert vault.names() == [NAME, "acme/ramp"]
    assert row(engine)[2] == clock.now().timestamp()
    assert vault.remove(NAME)
    assert not vault.remove(NAME)
    assert vault.names() == ["acme/ramp"]


def test_a_missing_secret_says_how_to_set_it(vault: Vault) -> None:
    """The message is the command to type."""
    with pytest.raises(ConfigurationError, match=f"there is no secret {NAME}; set it with `mlc secrets set {NAME}`"):
        vault.get(NAME)


@pytest.mark.parametrize("name", ["", "/", "a/", "/a", "a//b", "a b", "Acme", "a__b", "a_", "a\n", "å", "a/../b"])
def test_a_name_is_plain(vault: Vault, name: str) -> None:
    """Two names never share an environment variable, and no name ends in what nobody sees."""
    with pytest.raises(ConfigurationError, match="cannot name a secret"):
        vault.set(name, VALUE)


def test_nothing_is_no_secret(vault: Vault) -> None:
    """An empty line at the prompt stores nothing and keeps what was there."""
    vault.set(NAME, VALUE)
    with pytest.raises(ConfigurationError, match="is empty; nothing is stored"):
        vault.set(NAME, SecretStr(""))
    assert plain(vault) == VALUE.get_secret_value()


def test_the_environment_overrides(engine: Engine, keys: KeyRing, clock: SteppedClock) -> None:
    """A variable of the secret's name goes first, unless it is empty as containers leave it."""
    assert environment_name(NAME) == "MLC_SECRET__ACME__IFS__CLIENT_SECRET"
    environ = {environment_name(NAME): "pass-phrase-of-the-container"}
    vault = Vault(engine, keys, clock=clock, environ=environ)
    assert plain(vault) == "pass-phrase-of-the-container"
    vault.set(NAME, VALUE)
    assert plain(vault) == "pass-phrase-of-the-container"
    environ[environment_name(NAME)] = ""
    assert plain(vault) == VALUE.get_secret_value()


def test_the_database_holds_no_plain_text(vault: Vault, engine: Engine, tmp_path: Path) -> None:
    """Neither the value nor the key is found in any file of the database."""
    vault.set(NAME, VALUE)
    key = (tmp_path / "vault.key").read_text(encoding="ascii").strip().split(":")[1]
    engine.dispose()
    for path in tmp_path.glob("mlc.db*"):
        content = path.read_bytes()
        for text in (VALUE.get_secret_value().encode(), key.encode(), base64.b64decode(key)):
            assert text not in content


def test_a_secret_that_was_touched_is_masked_in_logs(vault: Vault, engine: Engine, keys: KeyRing) -> None:
    """Setting and getting both tell the redactor, wherever the value came from."""
    vault.set(NAME, SecretStr("mask-me-when-set"))
    environ = {environment_name("acme/x"): "mask-me-when-given"}
    Vault(engine, keys, clock=SteppedClock(), environ=environ).get("acme/x")
    assert "mask-me" not in REDACTOR.redact("mask-me-when-set mask-me-when-given")


def test_the_same_value_is_never_sealed_alike(vault: Vault) -> None:
    """Equal secrets cannot be told from their rows."""
    assert vault.seal("secret/a", b"same") != vault.seal("secret/a", b"same")


def damaged(sealed: str) -> dict[str, str]:
    form, key_id, text = sealed.split(":")
    content = base64.b64decode(text)

    def flipped(at: int) -> str:
        changed = bytes([*content[:at], content[at] ^ 1, *content[at + 1 :]])
        return f"{form}:{key_id}:{base64.b64encode(changed).decode()}"

    return {
        "nonce": flipped(0),
        "ciphertext": flipped(12),
        "tag": flipped(len(content) - 1),
        "cut": f"{form}:{key_id}:{base64.b64encode(content[:-1]).decode()}",
        "short": f"{form}:{key_id}:{base64.b64encode(content[:8]).decode()}",
        "no base64": f"{form}:{key_id}:???",
        "no text": f"{form}:{key_id}:",
        "other form": f"v2:{key_id}:{text}",
        "no form": text,
        "nothing": "",
        "plain text": VALUE.get_secret_value(),
    }


@pytest.mark.parametrize("how", list(damaged("v1:k:" + "A" * 40)))
def test_a_row_that_was_tampered_with_does_not_open(vault: Vault, engine: Engine, how: str) -> None:
    """Every part of the sealed text is covered; the message names the secret and not what is in it."""
    vault.set(NAME, VALUE)
    overwrite(engine, damaged(row(engine)[1])[how])
    with pytest.raises(ConfigurationError, match=f"secret/{NAME} cannot be opened: it was changed") as caught:
        vault.get(NAME)
    assert VALUE.get_secret_value() not in str(caught.value)


def test_a_value_opens_in_its_own_row_only(vault: Vault, engine: Engine) -> None:
    """Whoever can write to the database cannot pass one tenant's secret off as another's."""
    vault.set(NAME, VALUE)
    vault.set("beta/ifs/client_secret", OTHER)
    overwrite(engine, row(engine, "beta/ifs/client_secret")[1])
    with pytest.raises(ConfigurationError, match="belongs elsewhere"):
        vault.get(NAME)
    with pytest.raises(ConfigurationError, match="belongs elsewhere"):
        vault.open(f"token/{NAME}", vault.seal(f"secret/{NAME}", b"x"))


def test_a_value_opens_with_its_own_key_only(engine: Engine, clock: SteppedClock) -> None:
    """The key id is sealed too: naming another key of the ring, even one of the same bytes, opens nothing."""
    key = Key.new()
    twin = Key("twin", key.value)
    vault = Vault(engine, KeyRing((key, twin)), clock=clock)
    sealed = vault.seal("secret/a", b"x")
    assert vault.open("secret/a", sealed) == b"x"
    with pytest.raises(ConfigurationError, match="cannot be opened"):
        vault.open("secret/a", sealed.replace(key.id, twin.id))


def test_a_key_that_is_gone_is_named(vault: Vault, engine: Engine, clock: SteppedClock, keys: KeyRing) -> None:
    """Its id tells which backup to look for."""
    vault.set(NAME, VALUE)
    lost = keys.keys[0].id
    with pytest.raises(ConfigurationError, match=f"sealed with key {lost}, which is not on the key ring"):
        Vault(engine, KeyRing((Key.new(),)), clock=clock).get(NAME)


@given(content=st.binary(max_size=200), context=st.text(max_size=30))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # the vault keeps nothing of an example
def test_whatever_is_sealed_opens_again(vault: Vault, content: bytes, context: str) -> None:
    """Any bytes, in any place."""
    assert vault.open(context, vault.seal(context, content)) == content


@given(at=st.integers(0, 200), char=st.characters(codec="ascii"))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # the vault keeps nothing of an example
def test_no_changed_text_opens_to_something_else(vault: Vault, at: int, char: str) -> None:
    """A changed character is refused, or was one of the bits that base64 does not use."""
    sealed = vault.seal("secret/a", b"the one and only")
    at %= len(sealed)
    try:
        opened = vault.open("secret/a", sealed[:at] + char + sealed[at + 1 :])
    except ConfigurationError:
        return
    assert opened == b"the one and only"


def test_rotation_seals_secrets_and_tokens_with_the_newest_key(vault: Vault, engine: Engine, keys: KeyRing) -> None:
    """Afterwards the old key opens nothing that is needed; a second rotation finds nothing to do."""
    vault.set(NAME, VALUE)
    vault.set("acme/ramp", OTHER)
    with writing(engine) as connection:
        sealed = vault.seal("token/acme/ifs", b"token")
        connection.execute(insert(tokens).values(credential="acme/ifs", sealed=sealed, claimed_until=0.0))
        connection.execute(insert(tokens).values(credential="acme/ramp", sealed=None, claimed_until=0.0))
    changed_at = row(engine)[2]
    grown = add_key(keys)
    assert (vault.rotate(), vault.rotate()) == (3, 0)
    newest_alone = Vault(engine, KeyRing(grown.keys[:1]), clock=SteppedClock())
    assert plain(newest_alone) == VALUE.get_secret_value()
    assert row(engine)[0] == grown.keys[0].id
    assert row(engine)[2] == changed_at
    with reading(engine) as connection:
        stored = {row.credential: row.sealed for row in connection.execute(select(tokens))}
    assert newest_alone.open("token/acme/ifs", stored["acme/ifs"]) == b"token"
    assert stored["acme/ramp"] is None


@pytest.mark.parametrize("sealed", ["rubbish", "", "v1:gone:QUFB"])
def test_rotation_goes_past_a_damaged_row(vault: Vault, engine: Engine, keys: KeyRing, sealed: str) -> None:
    """It is named at the end and left as it is; a damaged token is dropped, for a new one can be fetched."""
    for name in ("acme/a", "acme/b", "acme/c"):
        vault.set(name, VALUE)
    overwrite(engine, sealed, "acme/b")
    with writing(engine) as connection:
        connection.execute(insert(tokens).values(credential="acme/ifs", sealed=sealed or "?", claimed_until=0.0))
    newest = add_key(keys).keys[0].id
    with pytest.raises(ConfigurationError, match=r"(?s)acme/b|key gone.*the other values are sealed anew .3."):
        vault.rotate()
    assert [row(engine, name)[0] == newest for name in ("acme/a", "acme/b", "acme/c")] == [True, False, True]
    assert row(engine, "acme/b")[1] == sealed
    with reading(engine) as connection:
        assert connection.execute(select(tokens.c.sealed)).scalar_one() is None


def test_others_go_on_reading_while_keys_are_rotated(
    vault: Vault, engine: Engine, url: str, keys: KeyRing, clock: SteppedClock
) -> None:
    """A process that read the key file long ago opens and stores secrets without a stop, whatever key is newest."""
    names = [f"acme/secret{number}" for number in range(10)]
    for name in names:
        vault.set(name, SecretStr(f"pass-phrase-{name}"))
    done, rounds = threading.Event(), 0
    wrong: list[str] = []

    def read() -> None:
        nonlocal rounds
        own = open_engine(url, durable=False)
        reader = Vault(own, keys, clock=clock)
        try:
            while not done.is_set():
                wrong.extend(name for name in names if plain(reader, name) != f"pass-phrase-{name}")
                reader.set("acme/written", SecretStr(f"pass-phrase-{rounds}"))
                rounds += 1
        except ConfigurationError as error:
            wrong.append(str(error))
        finally:
            own.dispose()

    thread = threading.Thread(target=read)
    thread.start()
    for _ in range(4):
        keys = add_key(keys)
        vault.rotate()
    done.set()
    thread.join(30)
    assert wrong == []
    assert rounds > 0
    vault.rotate()
    assert plain(Vault(engine, KeyRing(keys.keys[:1]), clock=clock), "acme/written").startswith("pass-phrase-")


def test_a_key_made_after_the_file_was_read_is_found(vault: Vault, engine: Engine, keys: KeyRing) -> None:
    """A process that only reads follows a rotation by reading the key file again."""
    vault.set(NAME, VALUE)
    reader = Vault(engine, keys, clock=SteppedClock())
    add_key(keys)
    vault.rotate()
    assert plain(reader) == VALUE.get_secret_value()


def test_the_migrated_tables_are_these(tmp_path: Path) -> None:
    """What the migrations make has the same columns, kinds and keys as what the code asks for."""
    engine = open_engine(f"sqlite:///{tmp_path / 'migrated.db'}", durable=False)
    upgrade(engine)
    with reading(engine) as connection:
        asked = connection.dialect.identifier_preparer
        for table in METADATA.sorted_tables:
            rows = connection.exec_driver_sql(f"PRAGMA table_info({asked.quote(table.name)})").all()
            found = [(name, kind.split("(")[0], bool(required), bool(key)) for _, name, kind, required, _, key in rows]
            wanted = [
                (
                    column.name,
                    column.type.compile(connection.dialect).split("(")[0],
                    not column.nullable,
                    column.primary_key,
                )
                for column in table.columns
            ]
            assert found == wanted
    engine.dispose()
