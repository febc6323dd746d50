// The camera, and what reads QR codes in its pictures: the browser, or else a decoder of our own.

const VENDORED = new URL("../vendor/zxing-wasm/", import.meta.url);
/** Long enough between two pictures that a phone stays cool, short enough for a hand that waits. */
const PAUSE = 120;
/** What a decoder needs to see of a code that fills a third of the picture. */
const LONGEST_SIDE = 960;

/** No picture came; `reason` is `denied`, `none` or `busy`. */
export class NoCamera extends Error {
  constructor(reason, cause) {
    super(reason, { cause });
    this.reason = reason;
  }
}

const REASONS = { NotAllowedError: "denied", NotFoundError: "none", OverconstrainedError: "none" };

export const hasCamera = () => Boolean(navigator.mediaDevices?.getUserMedia);

/**
 * Show what the camera sees in `video`, and hand each text that is read to `onText`.
 *
 * Runs until `signal` is aborted, and then lets go of the camera.
 */
export async function scan(video, onText, signal) {
  const [read, stream] = await Promise.all([reader(), open()]);
  const stop = () => stream.getTracks().forEach((track) => track.stop());
  if (signal.aborted) return stop();
  signal.addEventListener("abort", stop, { once: true });
  video.srcObject = stream;
  await video.play().catch(() => undefined);
  while (!signal.aborted) {
    const texts = video.videoWidth ? await read(video).catch(() => []) : [];
    for (const text of texts) if (!signal.aborted) onText(text);
    await new Promise((wake) => setTimeout(wake, PAUSE));
  }
  return undefined;
}

async function open() {
  if (!hasCamera()) throw new NoCamera("none");
  const video = { facingMode: { ideal: "environment" }, width: { ideal: 1280 }, height: { ideal: 720 } };
  try {
    return await navigator.mediaDevices.getUserMedia({ video, audio: false });
  } catch (error) {
    throw new NoCamera(REASONS[error.name] ?? "busy", error);
  }
}

async function reader() {
  if (await detects()) {
    const detector = new BarcodeDetector({ formats: ["qr_code"] });
    return async (video) => (await detector.detect(video)).map(({ rawValue }) => rawValue);
  }
  return decoder();
}

async function detects() {
  if (!("BarcodeDetector" in window)) return false;
  const formats = await BarcodeDetector.getSupportedFormats().catch(() => []);
  return formats.includes("qr_code");
}

async function decoder() {
  const { prepareZXingModule, readBarcodes } = await import("../vendor/zxing-wasm/reader/index.js");
  prepareZXingModule({ overrides: { locateFile: (name) => new URL(name, VENDORED).href } });
  const canvas = document.createElement("canvas");
  const drawing = canvas.getContext("2d", { willReadFrequently: true });
  return async (video) => {
    const scale = Math.min(1, LONGEST_SIDE / Math.max(video.videoWidth, video.videoHeight));
    canvas.width = video.videoWidth * scale;
    canvas.height = video.videoHeight * scale;
    drawing.drawImage(video, 0, 0, canvas.width, canvas.height);
    const picture = drawing.getImageData(0, 0, canvas.width, canvas.height);
    const found = await readBarcodes(picture, { formats: ["QRCode"], maxNumberOfSymbols: 1 });
    return found.filter(({ isValid }) => isValid).map(({ text }) => text);
  };
}
