"""One tenant of IFS Cloud: its services, its data, and how a call to a service is answered."""

import random
from collections.abc import Callable

from mlc_pipelines.sandbox.ifs.address import Addresses, Place
from mlc_pipelines.sandbox.ifs.answers import (
    FORBIDDEN,
    NOT_ALLOWED,
    NOT_FOUND,
    NOT_IMPLEMENTED,
    Answer,
    Call,
    OdataError,
)
from mlc_pipelines.sandbox.ifs.batch import run_batch
from mlc_pipelines.sandbox.ifs.creates import Creates
from mlc_pipelines.sandbox.ifs.edmx import metadata, service_document
from mlc_pipelines.sandbox.ifs.reads import JSON, Reader
from mlc_pipelines.sandbox.ifs.rules import Rules
from mlc_pipelines.sandbox.ifs.schema import Schema, Service
from mlc_pipelines.sandbox.ifs.seed import fill
from mlc_pipelines.sandbox.ifs.services import tenant_schema
from mlc_pipelines.sandbox.ifs.store import Store
from mlc_pipelines.sandbox.ifs.switches import Switches
from mlc_pipelines.sandbox.ifs.writes import ChangeSet, Writer
from mlc_pipelines.sandbox.kernel.clock import SandboxClock
from mlc_pipelines.sandbox.kernel.faults import Faults
from mlc_pipelines.sandbox.world import World

CHANNELS = {"projection": ("main", "int"), "entity": ("int",)}
ORDER_EDITS = 0.2  # how often the other person changes the order reference instead of the text


class Tenant:
    """Answers calls; everything it keeps is under the store's lock."""

    def __init__(self, world: World, *, switches: Switches, clock: SandboxClock, faults: Faults) -> None:
        self.switches = switches
        self.clock = clock
        self.schema: Schema = tenant_schema().renamed(switches.renamed_attributes)
        self.store = Store(self.schema, clock)
        fill(self.store, world, catalogue_size=switches.catalogue_size)
        self.rules = Rules(self.store, grants=switches.grants)
        self.creates = Creates(self.store, self.rules, clock)
        self.stale: dict[str, int] = {}  # service -> status of the one MI_MODIFIED_ERROR to come
        self._faults = faults
        self._dice = random.Random(world.seed)
        self._addresses = Addresses(self.schema, self.store, grants=switches.grants, installed=switches.installs)
        self._reader = Reader(self.schema, self._addresses, switches)
        self._writer = Writer(self.schema, self.store, self.rules, self.creates, switches=switches)

    def service(self, name: str, *, channel: str, kind: str) -> Service:
        """Return the service at this address, or say why the caller cannot have it."""
        service = self.schema.services.get(name)
        known = service is not None and service.kind == kind and channel in CHANNELS[kind]
        if service is None or not known or name in self.switches.missing_projections:
            raise OdataError(404, NOT_FOUND, f"Service {name} does not exist on {channel}.")
        if name in self.switches.forbidden_projections:
            raise OdataError(403, FORBIDDEN, f"Projection {name} is not granted to the user.")
        return service

    def answer(self, call: Call, service: Service) -> Answer:
        """Answer one call to a service, a batch included."""
        with self.store.lock:
            stale = self.stale.pop(service.name, None)
            if stale is not None:
                raise OdataError(stale, "MI_MODIFIED_ERROR", "The projection was modified. Please try again.")
            if call.path == "$batch" and call.method == "POST":
                return run_batch(
                    call,
                    perform=lambda part, change_set: self._resource(part, service, change_set),
                    together=self._together,
                )
            if call.path in ("", "$metadata") and call.method == "GET":
                return self._description(call, service)
            if call.path.startswith("$"):
                raise OdataError(501, NOT_IMPLEMENTED, f"{call.path} is not implemented.")
            return self._resource(call, service, None)

    def _description(self, call: Call, service: Service) -> Answer:
        if call.path == "$metadata":
            return Answer(200, metadata(self.schema, service), {"content-type": "application/xml;charset=UTF-8"})
        return Answer(200, service_document(service), {"content-type": JSON})

    def _resource(self, call: Call, service: Service, change_set: ChangeSet | None) -> Answer:
        path, start = call.path, None
        if change_set is not None and path.startswith("$"):
            reference, _, path = path.partition("/")
            start = change_set.made.get(reference[1:])
            if start is None or not path:
                raise OdataError(400, NOT_FOUND, f"Nothing in this change set is called {reference}.")
        place = self._addresses.resolve(service, path, start=start)
        if call.method == "GET":
            return self._reader.read(call, service, place)
        if call.method not in ("POST", "PATCH", "DELETE"):
            raise OdataError(405, NOT_ALLOWED, f"{call.method} is not allowed on {call.path}.")
        if change_set is None:
            self._contend(call, place)
            return self._together(lambda alone: [self._writer.write(call, place, None)])[0]
        answer = self._writer.write(call, place, change_set)
        if call.part is not None and answer.row is not None:
            change_set.made[call.part] = answer.row
        return answer

    def _together(self, run: Callable[[ChangeSet], list[Answer]]) -> list[Answer]:
        """Run writes as one transaction: a refusal undoes all of them."""
        change_set = ChangeSet()
        with self.store.transaction():
            answers = run(change_set)
            self._writer.finish(change_set)
        return answers

    def _contend(self, call: Call, place: Place) -> None:
        row = place.row
        if call.method != "PATCH" or row is None or not row.read or not self._faults.someone_edits(call.request):
            return
        if "PoRefNumber" in row.values and self._dice.random() < ORDER_EDITS:
            self.store.change(row, {"PoRefNumber": f"P{self._dice.randrange(100000, 999999)}"})
        elif "VoucherText" in row.values:
            self.store.change(row, {"VoucherText": f"checked {self._dice.randrange(1000, 9999)}"})
        else:
            self.store.touch(row)
