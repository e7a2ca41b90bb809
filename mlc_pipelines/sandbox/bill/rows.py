"""How records look in answers and notifications; what is not set is left out."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from mlc_pipelines.sandbox.bill.answers import present, stamp
from mlc_pipelines.sandbox.bill.records import ZERO, Bill, Classification, Line, Payment, Record, Subscription, Vendor
from mlc_pipelines.sandbox.bill.store import Store, rounded
from mlc_pipelines.sandbox.world_documents import RATES

HOME_CURRENCY = "USD"


class Rows:
    """Renders the records of one store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def vendor(self, vendor: Vendor) -> dict[str, Any]:
        """Return a vendor; bank data is never shown."""
        payment = vendor.payment_information or {}
        owed = (bill.due for bill in self._store.bills_of(vendor.id) if not bill.archived)
        return self._row(
            vendor,
            name=vendor.name,
            shortName=vendor.short_name,
            accountType=vendor.account_type,
            email=vendor.email,
            phone=vendor.phone,
            address=vendor.address,
            accountNumber=vendor.account_number,
            billCurrency=vendor.bill_currency,
            paymentInformation={"payeeName": payment["payeeName"]} if "payeeName" in payment else None,
            additionalInfo=vendor.additional_info or None,
            autoPay=vendor.auto_pay,
            balance={"amount": rounded(sum(owed, ZERO), vendor.bill_currency)},
            networkStatus="NOT_CONNECTED",
        )

    def classification(self, row: Classification) -> dict[str, Any]:
        """Return an account, class or the like, without its parent."""
        return self._row(row, name=row.name, description=row.description, account=row.account)

    def bill(self, bill: Bill) -> dict[str, Any]:
        """Return a bill; foreign ones carry a rate and the amount in the organization's currency."""
        vendor = self._store.vendors[bill.vendor_id]
        rate = RATES.get(("20", vendor.bill_currency), Decimal(1))
        foreign = vendor.bill_currency != HOME_CURRENCY

        def money(amount: Decimal) -> Decimal:
            return rounded(amount, vendor.bill_currency)

        return self._row(
            bill,
            vendorId=vendor.id,
            vendorName=vendor.name,
            invoice={"invoiceNumber": bill.invoice_number, "invoiceDate": bill.invoice_date.isoformat()},
            dueDate=bill.due_date.isoformat(),
            description=bill.description,
            amount=money(bill.amount),
            paidAmount=money(bill.paid),
            dueAmount=money(bill.due),
            creditAmount=money(ZERO),
            exchangeRate=rate if foreign else None,
            fundingAmount=rounded(bill.amount * rate, HOME_CURRENCY) if foreign else None,
            paymentStatus=bill.payment_status,
            approvalStatus=bill.approval_status,
            billLineItems=[self._line(line, money) for line in bill.lines],
            classifications=bill.classifications or None,
            payFromChartOfAccountId=bill.pay_from,
            purchaseOrderNumber=bill.purchase_order_number,
            createdBy=bill.created_by,
        )

    def payment(self, payment: Payment) -> dict[str, Any]:
        """Return a payment with its two states and the joined one."""
        vendor = self._store.vendors[payment.vendor_id]
        amount = rounded(payment.amount, vendor.bill_currency)
        return self._row(
            payment,
            vendorId=vendor.id,
            vendorName=vendor.name,
            billIds=[bill_id for bill_id, _ in payment.parts],
            amount=amount,
            status=payment.status,
            singleStatus=payment.single_status,
            disbursementStatus=payment.disbursement_status,
            processDate=payment.process_date.isoformat(),
            transactionNumber=payment.transaction_number,
            funding={"type": "OFFLINE" if payment.outside else "BANK_ACCOUNT", "amount": amount},
            disbursement={"type": "OFFLINE" if payment.outside else "ACH", "amount": amount},
        )

    def payment_notice(self, payment: Payment) -> dict[str, Any]:
        """Return a payment as notifications carry it."""
        vendor = self._store.vendors[payment.vendor_id]
        return {
            "id": payment.id,
            "billIds": [bill_id for bill_id, _ in payment.parts],
            "status": payment.status,
            "singleStatus": payment.single_status,
            "processDate": payment.process_date.isoformat(),
            "vendor": {"id": vendor.id, "name": vendor.name},
            "billingType": "NET_SYNC_FROM_OFFLINE_PAYMENT" if payment.outside else "BDC",
            "updatedTime": stamp(payment.updated),
        }

    def subscription(self, row: Subscription) -> dict[str, Any]:
        """Return a subscription without its key."""
        return {
            "id": row.id,
            "organizationId": "",
            "name": row.name,
            "status": {"enabled": row.enabled},
            "events": [{"type": event, "version": "1"} for event in row.events],
            "notificationUrl": row.notification_url,
        }

    def _line(self, line: Line, money: Callable[[Decimal], Decimal]) -> dict[str, Any]:
        return present(
            {
                "id": line.id,
                "amount": money(line.amount),
                "quantity": line.quantity,
                "price": line.price,
                "description": line.description,
                "classifications": line.classifications or None,
            }
        )

    def _row(self, record: Record, **content: Any) -> dict[str, Any]:
        times = {"createdTime": stamp(record.created), "updatedTime": stamp(record.updated)}
        novel = {"riskBand": "BAND_7"} if self._store.switches.novel_fields else {}
        return present({"id": record.id, "archived": record.archived, **content, **times, **novel})
