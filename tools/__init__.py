"""The programs that the Makefile's targets run. Nothing here is part of a deployed stack."""
