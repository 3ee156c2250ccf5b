/** The rule that reads a topic, in the lines of a source's piece of `sens.yaml`; null where none is found there. */
export function ruleFor(piece: string | null, topic: string): string | null {
  return (
    rulesOf(piece ?? "").find((rule) => matches(/^topic: *["']?([^"'\s]+)/m.exec(rule)?.[1] ?? "", topic)) ??
    null
  );
}

/** The entries of `topics:`, each without its dash and its indentation. */
function rulesOf(piece: string): string[] {
  const lines = piece.split("\n");
  const start = lines.findIndex((line) => /^\s*topics:\s*$/.test(line)) + 1;
  const dash = /^( *)- /.exec(lines[start] ?? "");
  if (start === 0 || !dash) return [];
  const indent = dash[0].length;
  const rules: string[][] = [];
  for (const line of lines.slice(start)) {
    if (line.startsWith(dash[0])) rules.push([]);
    else if (line.trim() && !line.startsWith(" ".repeat(indent))) break;
    rules.at(-1)?.push(line.slice(indent));
  }
  return rules.map((rule) => `${rule.join("\n").trimEnd()}\n`);
}

/** Whether a topic fits a filter of MQTT, in which a level may have a name of its own: `sens/{device}/up`. */
function matches(filter: string, topic: string): boolean {
  const [levels, parts] = [filter.split("/"), topic.split("/")];
  if (levels.at(-1) === "#") return fits(levels.slice(0, -1), parts.slice(0, levels.length - 1));
  return fits(levels, parts);
}

function fits(levels: string[], parts: string[]): boolean {
  return (
    levels.length === parts.length &&
    levels.every((level, at) => level === "+" || /^\{.+\}$/.test(level) || level === parts[at])
  );
}
