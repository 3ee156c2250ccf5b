/** The state of a page lives in the URL, as plain text: `?source=plant-a&from=now-1h`. */
export function parseSearch(text: string): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(text));
}

export function stringifySearch(search: Record<string, unknown>): string {
  const given = Object.entries(search).filter(([, value]) => value !== undefined && value !== "");
  const query = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  // Commas and colons may stand in a query as they are, and are easier to read.
  return query ? `?${query.replaceAll("%2C", ",").replaceAll("%3A", ":")}` : "";
}

/** Takes the named parameters out of a URL's search; unknown ones are dropped. */
export function parameters<Name extends string>(...names: Name[]) {
  return (search: Record<string, unknown>): { [Key in Name]?: string } =>
    Object.fromEntries(
      names.filter((name) => typeof search[name] === "string").map((name) => [name, search[name]]),
    ) as { [Key in Name]?: string };
}

/** `1,2,3` → ids; what is no id is passed over. */
export function parseIds(text: string | undefined): number[] {
  const ids = (text ?? "").split(",").map(Number);
  return [...new Set(ids.filter((id) => Number.isInteger(id) && id > 0))];
}
