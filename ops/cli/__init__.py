"""The command bidui."""
