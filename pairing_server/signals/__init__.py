"""Shared signals: telling other programs what happened to their people's phones and sessions."""
