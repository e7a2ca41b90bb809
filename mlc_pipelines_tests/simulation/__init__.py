"""The road on a virtual clock: two workers, a bad network and sudden deaths, all decided by a seed."""
