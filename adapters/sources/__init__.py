"""Register sources: any SQL database, CSV, XLSX and Parquet, read through a mapping file."""
