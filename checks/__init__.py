"""Checks of clusters: before an `up` (preflight), of a stack that is up (doctor), and by the stack's local Commands."""
