"""The session's own calls, and the one call of Spend & Expense."""

from mlc_pipelines.sandbox.bill.answers import Answer, stamp
from mlc_pipelines.sandbox.bill.gate import AP, Call, Endpoint
from mlc_pipelines.sandbox.bill.records import SpendTransaction
from mlc_pipelines.sandbox.bill.sessions import SessionOffice
from mlc_pipelines.sandbox.bill.store import Store


class SessionEndpoints:
    """A look at the session, and logout; the gate answers logins itself."""

    def __init__(self, sessions: SessionOffice) -> None:
        self._sessions = sessions

    def endpoints(self) -> list[Endpoint]:
        """Return what is answered."""
        return [
            Endpoint("GET", f"{AP}/v3/login/session", self._show),
            Endpoint("POST", f"{AP}/v3/logout", self._log_out),
        ]

    def _show(self, call: Call) -> Answer:
        return Answer(200, {} if call.session is None else self._sessions.shown(call.session))

    def _log_out(self, call: Call) -> Answer:
        if call.session is not None:
            call.session.ended = True
        return Answer(200, {})


class SpendEndpoints:
    """Card transactions, read by API token."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def endpoints(self) -> list[Endpoint]:
        """Return what is answered."""
        path = f"{AP}/v3/spend/transactions"
        return [Endpoint("GET", path, self._list, parameters=("max", "page"), entrance="spend")]

    def _list(self, call: Call) -> Answer:
        return call.page(self._store.transactions, rules={}, render=_row)


def _row(transaction: SpendTransaction) -> dict[str, object]:
    return {
        "id": transaction.id,
        "merchantName": transaction.merchant,
        "amount": transaction.amount,
        "occurredTime": stamp(transaction.occurred),
    }
