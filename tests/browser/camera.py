"""What a phone's camera sees: a QR code, held in front of it as film."""

from pathlib import Path

import qrcode

WIDTH, HEIGHT = 640, 480
#: Of the code on the film, in pixels a module.
SCALE = 6
WHITE, BLACK = 235, 16


def hold_up(film: Path, text: str) -> None:
    """Film a QR code as YUV4MPEG2, which Chromium's camera without a lens plays."""
    code = qrcode.QRCode(border=4)
    code.add_data(text)
    rows = code.get_matrix()
    side = len(rows) * SCALE
    assert side <= HEIGHT, "too long a text for the picture"
    left, top = (WIDTH - side) // 2, (HEIGHT - side) // 2
    picture = bytearray([WHITE]) * (WIDTH * HEIGHT)
    for y, row in enumerate(rows):
        line = b"".join(bytes([BLACK if dark else WHITE]) * SCALE for dark in row)
        for offset in range(SCALE):
            start = (top + y * SCALE + offset) * WIDTH + left
            picture[start : start + side] = line
    colour = bytes([128]) * (WIDTH * HEIGHT // 2)
    frame = b"FRAME\n" + bytes(picture) + colour
    head = f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F10:1 Ip A1:1 C420jpeg\n".encode()
    # Where it lies: a camera that is on goes on seeing it.
    with film.open("r+b" if film.exists() else "wb") as file:
        file.write(head + frame * 2)
