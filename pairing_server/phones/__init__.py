"""What a bound phone lives through: changes, renewal, transfer, unblocking, word to the others."""
