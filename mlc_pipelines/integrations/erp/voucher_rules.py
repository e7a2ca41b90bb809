"""The settings of vouchers, apart from what makes them: a connection file is read without any client."""

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict

from mlc_pipelines.errors import Cause, RecordError

EVERY_COMPANY = "*"


class VoucherRules(BaseModel):
    """How vouchers are made; `credit_account` is by company, `*` for those not named."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    voucher_type: str
    user_group: str
    credit_account: Mapping[str, str]

    def credited(self, companies: Sequence[str]) -> dict[str, str]:
        """Give the credit account of each company that has one: the words that release a held record."""
        named = {company: self.credit_account.get(company) or self.credit_account.get(EVERY_COMPANY)
                 for company in companies}  # fmt: skip
        return {company: account for company, account in named.items() if account}

    def credit_account_of(self, company: str, *, setting: str) -> str:
        """Give the account that a document of this company is credited to; `setting` names where to add one."""
        account = self.credited([company]).get(company)
        if account is None:
            raise RecordError(
                f"company {company} has no credit account; add it to {setting}",
                cause=Cause.ACCOUNT_UNMAPPED,
                key=f"credit_account:{company}",
            )
        return account
