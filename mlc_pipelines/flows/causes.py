"""The catalogue of causes: what happened, in a sentence for a clerk, and who can do what about it where."""

from dataclasses import dataclass

from mlc_pipelines.errors import Cause


@dataclass(frozen=True, slots=True)
class Advice:
    """What a cause means and what to do."""

    happened: str
    remedy: str


CATALOGUE: dict[Cause, Advice] = {
    Cause.ACCOUNT_UNMAPPED: Advice(
        "A line is on an account that has no counterpart.",
        "Accounting: add the account to the account table of the connection. Goes on by itself.",
    ),
    Cause.DIMENSION_UNMAPPED: Advice(
        "A line carries a code part value that the spend system does not have.",
        "Accounting: check the value in IFS; it is sent with the next run. Goes on by itself.",
    ),
    Cause.ENTITY_UNMAPPED: Advice(
        "The company has no entity in the spend system.",
        "Integration engineer: name the entity of the company in the connection file. Goes on by itself.",
    ),
    Cause.TAX_UNMAPPED: Advice(
        "The invoice has tax, and no account is set for it.",
        "Accounting: add the company to the tax account table of the connection. Goes on by itself.",
    ),
    Cause.SUPPLIER_UNKNOWN: Advice(
        "The supplier of the invoice is not in the spend system yet.",
        "Purchasing: complete the supplier (see its own hold), usually e-mail or country. Goes on by itself.",
    ),
    Cause.SUPPLIER_INCOMPLETE: Advice(
        "A supplier lacks something that the spend system demands.",
        "Purchasing: complete the supplier in IFS. The change is picked up by the next run.",
    ),
    Cause.VENDOR_UNKNOWN: Advice(
        "The vendor of the bill is not bound to a supplier.",
        "Purchasing: link the vendor to its supplier (external id), then replay.",
    ),
    Cause.VENDOR_CONFLICT: Advice(
        "Supplier and vendor differ in a field that both sides own.",
        "Purchasing: make them agree on either side, then replay.",
    ),
    Cause.BORN_IN_TARGET: Advice(
        "The record was made in the spend system and policy says that a person decides.",
        "Purchasing: create the supplier in IFS and link it, or set the policy to create.",
    ),
    Cause.NOT_OURS: Advice(
        "The record does not belong to a company of this connection, or was not made by it.", "Nothing to do."
    ),
    Cause.ALREADY_KNOWN: Advice("The record is on both sides already, and they agree.", "Nothing to do."),
    Cause.PERIOD_CLOSED: Advice(
        "The accounting period of the document is closed in IFS.",
        "Accounting: open the period, or change the date of the document; the next run goes on by itself.",
    ),
    Cause.AMOUNT_MISMATCH: Advice(
        "Lines, tax and total of the document do not add up.",
        "Accounting: correct the document at its source. The change is picked up by the next run.",
    ),
    Cause.AMOUNT_INEXACT: Advice(
        "An amount has more decimal places than its currency.",
        "Accounting: correct the amount at its source. The change is picked up by the next run.",
    ),
    Cause.CREDIT_NOTE: Advice(
        "A credit note: the spend system does not take it as a bill.",
        "Accounts payable: enter it by hand in the system that lacks it and apply it to a bill there. "
        "Then `mlc close` ends the hold.",
    ),
    Cause.NEGATIVE_LINE: Advice(
        "A line is negative: the spend system does not take it.",
        "Accounts payable: combine the lines at the source; or enter the bill by hand, then `mlc close` ends the hold.",
    ),
    Cause.CANCELLED: Advice("The document was cancelled before it was delivered.", "Nothing to do."),
    Cause.NOT_READY: Advice(
        "The document is not in a state that is sent.", "Nothing to do: it is looked at again when it changes."
    ),
    Cause.CHANGED_AFTER_DELIVERY: Advice(
        "The document changed after it was delivered, and the target no longer takes changes.",
        "Accounts payable: compare both sides and correct the target by hand. Then `mlc close` ends the hold.",
    ),
    Cause.CANCELLED_AFTER_DELIVERY: Advice(
        "The document was cancelled after it was delivered.",
        "Accounts payable: undo it where it was delivered: archive the bill in the spend system, or, where the "
        "document comes from there, cancel its invoice or voucher in IFS. Then `mlc close` ends the hold.",
    ),
    Cause.CHANGED_ELSEWHERE: Advice(
        "Somebody kept changing the record while we wrote to it.",
        "Replay when the person is done.",
    ),
    Cause.SENT_ELSEWHERE: Advice(
        "IFS says that somebody else has sent or paid the invoice.",
        "Accounts payable: find out who pays it. If it is to go this way all the same, clear the mark in IFS. "
        "Goes on by itself.",
    ),
    Cause.DUPLICATE_SUSPECTED: Advice(
        "The target has a document with the same number that we did not make.",
        "Accounts payable: find out which of the two is right. Remove the other one, then replay; or, if this one is "
        "wrong, `mlc close` ends the hold.",
    ),
    Cause.INVOICE_UNKNOWN: Advice(
        "A payment names a bill whose invoice we did not send.",
        "Accounts payable: mark the invoice by hand. Then `mlc close` ends the hold.",
    ),
    Cause.REJECTED_BY_TARGET: Advice(
        "The target refused the record; the message says why.",
        "Correct what the message names, then replay; if it was entered by hand instead, `mlc close` ends the hold.",
    ),
    Cause.REJECTED_IN_TARGET: Advice(
        "An approver rejected the bill in the spend system.",
        "Accounts payable: talk to the approver; correct or cancel the invoice in IFS.",
    ),
    Cause.UNREADABLE: Advice(
        "The record could not be read; the message names the field and the value.",
        "Integration engineer: compare the record with the connection's attribute names, then replay. If the file came "
        "again under another name, or the record was entered by hand, `mlc close` ends the hold.",
    ),
    Cause.OUTCOME_UNSETTLED: Advice(
        "A write got no answer, and looking it up did not settle it.",
        "Integration engineer: look the reference up in the target, then replay.",
    ),
    Cause.CLOSED_BY_HAND: Advice("A person has settled it by hand, and said how.", "Nothing to do."),
}
