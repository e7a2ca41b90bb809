"""The switches of the simulator: where the vendor's behaviour is unknown or differs between years."""

from dataclasses import dataclass


@dataclass
class Switches:
    """May be changed while the sandbox runs; every default is explained in README.md."""

    connected: bool = False  # begins with an accounting connection named IFS Cloud
    submit_refused: bool = False  # submit answers 400 BILL_PAY_7145
    negative_lines: bool = False  # accept negative line amounts
    invoice_number_length: int = 84  # 20 in early 2026
    duplicate_drafts: bool = False  # drafts escape the rule "same vendor and invoice number once"
    owner_required: bool = False  # vendor_owner_id is required, as in 2025
    sync_on_creation: bool = False  # bills are ready to sync when created, not when approved
    retry_after: bool = False  # 429 carries Retry-After
    http_webhooks: bool = False  # accept http:// endpoints on loopback; the vendor demands https
    signature_header: str = "X-Ramp-Signature"  # X-Ramp-Webhook-Signature in 2025
    signature_base64: bool = False  # base64 instead of lowercase hex
    novel_fields: bool = False  # answers carry fields and enum members no client knows yet
