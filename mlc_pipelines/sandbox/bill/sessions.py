"""Logins and sessions: two kinds of login, idle expiry, revocation."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mlc_pipelines.sandbox.bill.answers import RefusalError, refused
from mlc_pipelines.sandbox.bill.store import Store
from mlc_pipelines.sandbox.bill.validation import Field, read_body, word
from mlc_pipelines.sandbox.kernel.faults import Faults

USER_SECONDS, SYNC_SECONDS = 35 * 60, 48 * 3600
SAFE_USES = 5  # under `expiring` a session is not revoked before
UNTRUSTED = "Untrusted session."
LOGIN = {
    "username": Field(word, required=True),
    "password": Field(word, required=True),
    "organizationId": Field(word, required=True),
    "devKey": Field(word, required=True),
    "rememberMeId": Field(word),
    "device": Field(word),
}


@dataclass
class Credentials:
    """What opens the organization; made up, and changed when a person rotates them."""

    dev_key: str = "01SANDBOXDEVELOPERKEY"
    organization_id: str = "00802SANDBOXFALKENRI"
    token_name: str = "mlc-sync"  # noqa: S105  # a name
    token_value: str = "bill-sandbox-sync-token"  # noqa: S105  # the published secret of a simulator
    user_name: str = "annika.lindqvist@falkenried.example"
    user_password: str = "bill-sandbox-password"  # noqa: S105  # the published secret of a simulator
    remember_me_id: str = "bill-sandbox-remembered"
    spend_token: str = "bill-sandbox-spend-token"  # noqa: S105  # the published secret of a simulator
    user_id: str = "00602SANDBOXUSERANNI"
    sync_user_id: str = "00602SANDBOXUSERSYNC"


@dataclass
class Session:
    """One login; `life` in seconds was decided when it began."""

    id: str
    dev_key: str
    organization_id: str
    user_id: str
    sync: bool
    trusted: bool
    started: datetime
    used: datetime
    life: float
    uses: int = 0
    ended: bool = False


class SessionOffice:
    """Opens sessions and tells whether one still works."""

    def __init__(self, store: Store, *, faults: Faults, credentials: Credentials) -> None:
        self.credentials = credentials
        self.sessions: dict[str, Session] = {}
        self._store = store
        self._faults = faults

    def clear(self) -> None:
        """Forget all sessions."""
        self.sessions.clear()

    def read_login(self, body: Any) -> dict[str, Any]:
        """Read the body of a login."""
        return dict(read_body(body, LOGIN))

    def log_in(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """Open a session as a user or by sync token."""
        known = self.credentials
        pair = (wanted["username"], wanted["password"])
        sync = pair == (known.token_name, known.token_value)
        if wanted["organizationId"] != known.organization_id or not (
            sync or pair == (known.user_name, known.user_password)
        ):
            raise refused(401, "BDC_1101", "User name or password is wrong.", category="APPLICATION")
        trusted = not sync and "device" in wanted and wanted.get("rememberMeId") == known.remember_me_id
        now = self._store.now()
        made = Session(
            id=self._store.new_uuid().replace("-", ""),
            dev_key=wanted["devKey"],
            organization_id=known.organization_id,
            user_id=known.sync_user_id if sync else known.user_id,
            sync=sync,
            trusted=trusted,
            started=now,
            used=now,
            life=self._faults.token_seconds(SYNC_SECONDS if sync else USER_SECONDS),
        )
        self.sessions[made.id] = made
        return {"sessionId": made.id, **self.shown(made)}

    def shown(self, session: Session) -> dict[str, Any]:
        """Return what may be told of a session."""
        return {
            "organizationId": session.organization_id,
            "userId": session.user_id,
            "trusted": session.trusted,
        }

    def admit(self, session_id: str, *, dev_key: str) -> Session:
        """Return the session of a call and note its use, or refuse."""
        session = self.sessions.get(session_id)
        if session is None or session.ended or session.dev_key != dev_key or self._over(session):
            raise self._invalid()
        session.uses += 1
        session.used = self._store.now()
        if session.uses > SAFE_USES and self._faults.revoke_now():
            session.ended = True
            raise self._invalid()
        return session

    def organization_of(self, session_id: str) -> str:
        """Return the organization of a session, or nothing."""
        session = self.sessions.get(session_id)
        return session.organization_id if session else ""

    def living(self) -> list[Session]:
        """Return the sessions that still work."""
        return [session for session in self.sessions.values() if not session.ended and not self._over(session)]

    def end_all(self) -> int:
        """End every session; return how many there were."""
        living = self.living()
        for session in living:
            session.ended = True
        return len(living)

    def _over(self, session: Session) -> bool:
        since = session.started if self._store.switches.plain_life else session.used
        return (self._store.now() - since).total_seconds() >= session.life

    def _invalid(self) -> RefusalError:
        if self._store.switches.expired_as_1361:
            return refused(403, "BDC_1361", "Session is expired. Please log in.", category="DOWNSTREAM")
        return refused(401, "BDC_1109", "Session is invalid.  Please log in.", category="DOWNSTREAM")


def untrusted() -> RefusalError:
    """Refuse what a session of this kind may not do; a new login does not help."""
    return refused(403, "BDC_1361", UNTRUSTED, category="DOWNSTREAM")
