"""The flows of Stampli, one file each."""
