"""The ERP's end of every flow: what all spend systems want of IFS Cloud, written once."""
