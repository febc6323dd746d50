"""Reference clients: they speak HTTP only and import nothing of the server."""
