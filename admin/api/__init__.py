"""The JSON API of administration, for programs; its rules and flows are those of the pages."""
