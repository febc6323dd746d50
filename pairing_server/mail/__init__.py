"""Mail to people about their phones, where a mail server is configured."""
