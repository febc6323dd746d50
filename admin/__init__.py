"""The administrator's portal and API."""
