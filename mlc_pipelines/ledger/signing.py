"""Signatures under seals and packs: Ed25519, so that whoever has the public key can check and nobody else can sign."""

from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


class SealKeys:
    """Keys by id, newest first: the first signs, any checks. `seeds` are 32 secret bytes each."""

    def __init__(self, seeds: Mapping[str, bytes]) -> None:
        self._keys = {id_: Ed25519PrivateKey.from_private_bytes(seed) for id_, seed in seeds.items()}

    def sign(self, text: str) -> tuple[str, str]:
        """Give the id of the newest key and its signature (hex)."""
        key_id, key = next(iter(self._keys.items()))
        return key_id, key.sign(text.encode("ascii")).hex()

    def has_signed(self, text: str, key_id: str | None, signature: str | None) -> bool:
        """Tell whether a key of ours made a signature of this text."""
        key = self._keys.get(key_id or "")
        try:
            if key is not None:
                key.public_key().verify(bytes.fromhex(signature or ""), text.encode("ascii"))
        except (InvalidSignature, ValueError):
            return False
        return key is not None

    def public(self) -> dict[str, str]:
        """Give the public keys (hex) by id, newest first."""
        return {id_: key.public_key().public_bytes_raw().hex() for id_, key in self._keys.items()}
