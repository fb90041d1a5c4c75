"""Where register data comes from: databases, sheets, Parquet files and pushed changes, each read by a mapping file."""
