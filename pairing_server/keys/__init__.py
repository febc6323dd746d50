"""Keys: the phones' and the server's own, and how each lives and dies."""
