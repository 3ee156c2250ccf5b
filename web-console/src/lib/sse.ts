export interface ServerEvent {
  event: string;
  data: string;
}

/** Reads server-sent events out of text that arrives in pieces. Comments and retries are passed over. */
export class EventParser {
  /** The last id that came, also without an event: a stream that is opened with it goes on from there. */
  lastId: string | null = null;
  #rest = "";

  /** A new stream begins; what the one before broke off in the midst of is no event. */
  begin(): void {
    this.#rest = "";
  }

  /** The events that this piece completes. */
  push(piece: string): ServerEvent[] {
    const blocks = (this.#rest + piece).replaceAll("\r\n", "\n").split("\n\n");
    this.#rest = blocks.pop() ?? "";
    return blocks.map((block) => this.#parse(block)).filter((event) => event !== null);
  }

  #parse(block: string): ServerEvent | null {
    let event = "message";
    const data: string[] = [];
    for (const line of block.split("\n")) {
      const [, name, value] = /^(\w+): ?(.*)$/.exec(line) ?? [];
      if (name === "event") event = value ?? "";
      if (name === "data") data.push(value ?? "");
      if (name === "id") this.lastId = value ?? "";
    }
    return data.length > 0 ? { event, data: data.join("\n") } : null;
  }
}
