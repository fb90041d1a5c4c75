"""Doors of the office: everything that people do, as against systems. JSON in, JSON or a problem document out."""
