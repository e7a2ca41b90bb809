"""The feed's record as JSON schema, for the contestants that want one."""

TEXT, NUMBER, WHOLE = {"type": ["null", "string"]}, {"type": ["null", "number"]}, {"type": ["null", "integer"]}
DATE, TIME = ({"type": ["null", "string"], "format": form} for form in ("date", "date-time"))

LINE = {
    "RowId": WHOLE,
    "CurrencyAmount": NUMBER,
    **dict.fromkeys(("Account", "CodeB", "CodeC", "CodeD", "CodeE", "ProcessCode", "OptionalCode", "Text"), TEXT),
}
_TEXTS = (
    "@odata.etag", "luname", "keyref", "Objgrants", "Company", "Identity", "PartyType", "SeriesId", "InvoiceNo",
    "InvoiceType", "PayTermId", "Currency", "PoRefNumber", "VoucherText", "Creator", "Cf_Spend_Reference", "Objstate",
)  # fmt: skip
RECORD = {
    **dict.fromkeys(_TEXTS, TEXT),
    **dict.fromkeys(("CurrRate", "NetCurrAmount", "VatCurrAmount", "GrossAmount"), NUMBER),
    **dict.fromkeys(("InvoiceDate", "DueDate", "CreationDate"), DATE),
    "InvoiceId": {"type": "integer"},
    "AdvInv": {"type": ["null", "boolean"]},
    "ModifiedDate": TIME,
    "PostingProposalLines": {"type": "array", "items": {"type": "object", "properties": LINE}},
}
SCHEMA = {"type": "object", "properties": RECORD}
