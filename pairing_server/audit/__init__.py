"""The audit log: append-only, hash-chained, committed with the change that it tells of."""
