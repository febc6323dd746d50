"""The modules of a QR code that a terminal shows in half blocks."""

import re


def pixels_of(shown):
    lines = re.sub("\x1b\\[[0-9;]*m", "", shown).split("\n")
    halves = [[[c in top for c in line] for top in ("▀█", "▄█")] for line in lines]
    return [row for pair in halves for row in pair]
