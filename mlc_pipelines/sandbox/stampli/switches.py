"""The switches of the simulator: where servers and templates differ, or nobody has told us."""

from dataclasses import dataclass


@dataclass
class Switches:
    """May be changed while the sandbox runs; every default is explained in README.md."""

    password_login: bool = True
    key_login: bool = True
    max_sessions: int = 10  # channels of one connection
    longest_read: int = 0  # bytes given for one read at most, however many are asked for; 0 is as asked
    listing_without_times: bool = False  # no times in listings and stats
    listing_without_modes: bool = False  # only the line of text tells files from folders
    refuse_rename: bool = False
    refuse_remove: bool = False
    credits_positive: bool = False  # credit notes are written with positive amounts; the document type tells
