"""The UZI-pas: what a card says, whether it may be believed, and the proof that somebody holds it."""
