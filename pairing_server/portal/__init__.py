"""The professional's portal: who is logged in with a card, and the registration of ZORG-ID 2A."""
