"""Channels by which officers hear of incidents: webhook, syslog, mail."""
