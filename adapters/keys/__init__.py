"""Key files: made, read and guarded."""
