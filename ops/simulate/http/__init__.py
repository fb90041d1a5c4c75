"""The same world and the same attacks against a gateway that runs: a home of its own, real keys, requests over HTTP."""
