"""What a flow is made of."""

from dataclasses import replace

from mlc_pipelines.flows.flow import Asset, Outgoing
from mlc_pipelines.flows.road import Choice, Tally
from mlc_pipelines.ledger.ledger import Ledger
from mlc_pipelines_tests.flows.world import PaperFlow
from mlc_pipelines_tests.ledger.builders import receive


def test_the_stages_come_in_the_order_of_the_road() -> None:
    """A flow that writes nothing back has three."""
    assets = PaperFlow.assets
    assert assets.all() == [
        ("collect", assets.collect),
        ("translate", assets.translate),
        ("deliver", assets.deliver),
        ("confirm", assets.confirm),
    ]
    assert replace(assets, confirm=None).all() == assets.all()[:3]
    assert Asset("papers", "Documents.").kinds == ()


def test_a_payload_is_decoded_and_one_that_is_missing_is_nothing(ledger: Ledger) -> None:
    """What translation made, or nothing yet."""
    (entry,) = receive(ledger.books("acme"), "A")
    assert Outgoing(entry).payload is None
    assert Outgoing(replace(entry, payload=b'{"amount":"1.00"}')).payload == {"amount": "1.00"}


def test_nothing_is_not_counted() -> None:
    """A count of zero would be a line that says nothing."""
    tally = Tally()
    tally.add("seen", 0)
    tally.add("held")
    tally.add("held", 2)
    assert tally.counts == {"held": 3}
    assert Choice(reason="corrected").actor == "operator"
