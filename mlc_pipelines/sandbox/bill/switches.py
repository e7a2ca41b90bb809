"""The switches of the simulator: where the vendor's behaviour is unknown or differs between years."""

from dataclasses import dataclass

CHOICES = {
    "filters_with_page": ("refuse", "ignore"),
    "patch_lines": ("append", "replace"),
    "paid_when": ("SCHEDULED", "PROCESSED", "CLEARED"),
    "webhook_body": ("object", "string"),
    "webhook_signs": ("body", "payload"),
}


@dataclass
class Switches:
    """May be changed while the sandbox runs; every default is explained in README.md."""

    limit_status: int = 422  # HTTP status of BDC_1144 and BDC_1322
    work_seconds: float = 0.002  # how long a call holds its slot at least
    plain_life: bool = False  # sessions end so long after login, not after the last call
    expired_as_1361: bool = False  # an ended session is 403 BDC_1361 instead of 401 BDC_1109
    sync_token_webhooks: bool = True  # sync-token sessions may use the webhook API
    sync_token_record_payment: bool = True  # sync-token sessions may record payments made outside
    default_max: int = 20  # page size when max is not sent; another page of the vendor says 100
    filters_with_page: str = "refuse"  # or "ignore": filters and sort beside a cursor
    null_next_page: bool = False  # the last page says nextPage null instead of leaving it out
    empty_first_page: bool = False  # every list begins with an empty page that has a cursor
    hide_archived: bool = False  # lists without an archived filter leave archived rows out
    us_vendor_contact: bool = False  # vendors in the United States need email and phone
    bulk_bills: int = 100  # 200 in an older text
    bulk_classifications: int = 20
    strict_places: bool = True  # amounts with more places than the currency has are refused, not rounded
    negative_lines: bool = False  # negative line amounts are accepted
    refuse_duplicate_invoice_numbers: bool = False  # the same number twice for one vendor
    patch_lines: str = "append"  # or "replace": what PATCH does with lines that have no id
    invoice_number_length: int = 0  # longest invoice number; 0 is no limit
    description_length: int = 0  # longest description of a bill; 0 is no limit
    paid_when: str = "PROCESSED"  # the payment status that makes a bill PAID
    http_webhooks: bool = False  # accept http:// notification URLs on loopback; the vendor demands https
    subscriptions_under: str = "subscriptions"  # the key the list of subscriptions stands under
    webhook_body: str = "object"  # or "string": the payload JSON-escaped once more
    webhook_signs: str = "body"  # or "payload": what is signed when the body is a string
    history_while_disabled: bool = False  # events of a disabled subscription are kept in its history
    novel_fields: bool = False  # rows carry a field no client knows

    def __post_init__(self) -> None:
        for name, allowed in CHOICES.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} is one of {', '.join(allowed)}, not {getattr(self, name)!r}")
