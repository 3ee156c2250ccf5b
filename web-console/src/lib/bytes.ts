export function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
}

/** Rows of sixteen bytes: offset, hex, and ASCII with dots for what has no sign. */
export function hexDump(bytes: Uint8Array, maxBytes = 4096): string {
  const rows: string[] = [];
  for (let start = 0; start < Math.min(bytes.length, maxBytes); start += 16) {
    const row = [...bytes.slice(start, Math.min(start + 16, maxBytes))];
    const hex = row.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const text = row.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : ".")).join("");
    rows.push(`${start.toString(16).padStart(6, "0")}  ${hex.padEnd(47)}  ${text}`);
  }
  if (bytes.length > maxBytes) rows.push(`… and ${bytes.length - maxBytes} bytes more`);
  return rows.join("\n");
}

export type Parsed = { ok: true; text: string } | { ok: false; error: string };

/** The payload as JSON, set in lines; or where it stops to be JSON. */
export function parseJson(text: string | null): Parsed {
  if (text === null) return { ok: false, error: "These bytes are no UTF-8, so they are no JSON." };
  if (text === "") return { ok: false, error: "The payload is empty." };
  try {
    return { ok: true, text: JSON.stringify(JSON.parse(text), null, 2) };
  } catch (error) {
    return { ok: false, error: `This is no JSON: ${(error as Error).message}` };
  }
}
