"""The UZI-pas: what a card says, whether it is believed, and the proof that somebody holds it."""
