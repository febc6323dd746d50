"""OpenID Connect: how a workstation asks, waits and receives its assertion."""
