"""The pages of option 2A: from the card to the paired phone, rendered here, with hardly a script.

They know the card, the portal and the pairing; none of those knows them.
"""
