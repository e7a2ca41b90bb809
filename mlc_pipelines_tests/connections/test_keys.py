"""The key ring: readable by its owner alone, never lost, never shown."""

import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from mlc_pipelines.connections.keys import Key, KeyRing, add_key, write_keys
from mlc_pipelines.errors import ConfigurationError
from mlc_pipelines.wire.redaction import REDACTOR

ONE = "one:" + "A" * 43 + "="
TWO = "two:" + "B" * 42 + "A="


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def key_file(folder: Path, text: str | bytes, *, mode: int = 0o600) -> Path:
    path = folder / "vault.key"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)
    return path


def ids(ring: KeyRing) -> list[str]:
    return [key.id for key in ring.keys]


def test_the_environment_goes_before_any_file(tmp_path: Path) -> None:
    """Keys are written newest first; spaces around them do not matter."""
    key_file(tmp_path, ONE)
    ring = KeyRing.from_environment({"MLC_VAULT_KEY": f"{TWO}, {ONE}"}, tmp_path)
    assert (ids(ring), ring.file) == (["two", "one"], None)
    assert ring.reread() is ring


def test_the_environment_may_name_the_file(tmp_path: Path) -> None:
    """One key a line, newest first; a variable that is set to nothing is not set."""
    (tmp_path / "other").mkdir()
    other = key_file(tmp_path / "other", f"{TWO}\n\n{ONE}\n")
    assert ids(KeyRing.from_environment({"MLC_VAULT_KEY_FILE": str(other)}, tmp_path)) == ["two", "one"]
    key_file(tmp_path, ONE)
    nothing = {"MLC_VAULT_KEY": "", "MLC_VAULT_KEY_FILE": ""}
    assert KeyRing.from_environment(nothing, tmp_path).file == tmp_path / "vault.key"


def test_a_missing_file_is_made_only_when_asked(tmp_path: Path) -> None:
    """It holds one random key, is for its owner alone whatever the umask, and is the same when read again."""
    folder = tmp_path / "new"
    with pytest.raises(ConfigurationError, match=r"there is no key file .* or set MLC_VAULT_KEY or MLC_VAULT_KEY_FILE"):
        KeyRing.from_environment({}, folder)
    with umask(0):
        ring = KeyRing.from_environment({}, folder, create=True)
    assert stat.S_IMODE((folder / "vault.key").stat().st_mode) == 0o600
    assert KeyRing.from_environment({}, folder, create=True) == ring
    assert KeyRing.from_environment({}, tmp_path / "second", create=True) != ring


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o610, 0o601])
def test_a_file_that_others_may_open_is_refused(tmp_path: Path, mode: int) -> None:
    """The message says how to close it."""
    path = key_file(tmp_path, ONE, mode=mode)
    with pytest.raises(ConfigurationError, match=f"may be read by others .mode {mode:04o}.; run `chmod 600 {path}`"):
        KeyRing.from_environment({}, tmp_path)


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_file_of_its_owner_is_read(tmp_path: Path, mode: int) -> None:
    """A secret mounted read-only serves as well."""
    key_file(tmp_path, ONE, mode=mode)
    assert ids(KeyRing.from_environment({}, tmp_path)) == ["one"]


@pytest.mark.parametrize(
    "text",
    ["", "one", "one:", ":" + "A" * 43 + "=", "one:" + "A" * 40, "one:" + "A" * 42 + "?=", "o-e:" + ONE[4:], f"{ONE},"],
)
def test_what_is_no_key_is_refused_and_not_repeated(text: str) -> None:
    """Neither id nor value of half a key reaches a message."""
    with pytest.raises(
        ConfigurationError, match=r"a key is written as id:base64 of 32 bytes|at least one key"
    ) as caught:
        KeyRing(tuple(Key.parse(part, where="MLC_VAULT_KEY") for part in text.split(",")))
    assert "AAAA" not in str(caught.value)


def test_a_key_id_fits_its_column() -> None:
    """The column has room for 32 characters."""
    assert Key.parse("i" * 32 + ONE[3:], where="here").id == "i" * 32
    with pytest.raises(ConfigurationError, match="a key is written as"):
        Key.parse("i" * 33 + ONE[3:], where="here")


def test_a_ring_has_each_id_once() -> None:
    """The second of two keys of one id could never open anything."""
    with pytest.raises(ConfigurationError, match="each key id once; it has: one, one"):
        KeyRing.from_environment({"MLC_VAULT_KEY": f"{ONE},one:{TWO[4:]}"}, Path())
    with pytest.raises(ConfigurationError, match=r"at least one key .* it has: none"):
        KeyRing(())


@pytest.mark.parametrize(
    ("content", "problem"), [(b"", "is empty"), (b"\n \n", "is empty"), (b"\xff\xfe", "is not text")]
)
def test_a_damaged_file_is_never_replaced(tmp_path: Path, content: bytes, problem: str) -> None:
    """A new key would leave every stored secret shut for good; the backup is asked for instead."""
    path = key_file(tmp_path, content)
    with pytest.raises(ConfigurationError, match=f"{problem}.*restore it from your backup"):
        KeyRing.from_environment({}, tmp_path, create=True)
    assert path.read_bytes() == content


def test_a_folder_is_no_key_file(tmp_path: Path) -> None:
    """What cannot be opened is named."""
    (tmp_path / "vault.key").mkdir()
    with pytest.raises(ConfigurationError, match="cannot be read: Is a directory"):
        KeyRing.from_environment({}, tmp_path, create=True)


def test_a_key_shows_nothing() -> None:
    """Its text and its representation hide the value, and logs mask it."""
    for key in (Key.parse(ONE, where="here"), Key.new()):
        value = key.value.get_secret_value()
        assert value not in repr(key)
        assert value not in repr(KeyRing((key,)))
        assert value not in REDACTOR.redact(f"it is {value}")


def test_a_new_key_comes_first_and_the_old_ones_stay(tmp_path: Path) -> None:
    """The file keeps its mode and leaves no draft beside it."""
    key_file(tmp_path, ONE)
    before = KeyRing.from_environment({}, tmp_path)
    after = add_key(before)
    assert ids(after)[1:] == ["one"]
    assert after == KeyRing.from_environment({}, tmp_path) == before.reread()
    assert stat.S_IMODE((tmp_path / "vault.key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["vault.key"]


def test_keys_of_the_environment_are_the_operators(tmp_path: Path) -> None:
    """We cannot write there, and say who can."""
    with pytest.raises(ConfigurationError, match="put a new key first in MLC_VAULT_KEY yourself"):
        add_key(KeyRing.from_environment({"MLC_VAULT_KEY": ONE}, tmp_path))


def test_keys_added_at_once_are_all_kept(tmp_path: Path) -> None:
    """Each may have sealed something already; losing one would lose that."""
    ring = KeyRing.from_environment({}, tmp_path, create=True)
    with ThreadPoolExecutor(8) as pool:
        added = [grown.keys[0].id for grown in pool.map(add_key, [ring] * 8)]
    assert len(set(added)) == 8
    assert sorted(ids(ring.reread())) == sorted([*added, *ids(ring)])


def test_a_file_made_by_many_at_once_holds_one_key(tmp_path: Path) -> None:
    """The first to come wins, and the others read its key."""
    with ThreadPoolExecutor(8) as pool:
        rings = list(pool.map(lambda _: KeyRing.from_environment({}, tmp_path, create=True), range(8)))
    assert len({ring.keys[0].id for ring in rings}) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["vault.key"]


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    """The file is replaced whole or not at all."""
    path = key_file(tmp_path, ONE)
    bad = Key("übel", Key.parse(TWO, where="here").value)
    with pytest.raises(UnicodeEncodeError):
        write_keys(path, [bad])
    assert path.read_text(encoding="ascii") == ONE
    assert [found.name for found in tmp_path.iterdir()] == ["vault.key"]
