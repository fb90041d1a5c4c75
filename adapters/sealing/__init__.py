"""The unix socket between the gateway and the sealing process: its messages, its client and its meter."""
