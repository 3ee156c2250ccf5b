/** One field that somebody changed; null where it was not there. */
export interface Change {
  field: string;
  before: string | null;
  after: string | null;
}

type Values = Record<string, unknown> | null;

/** What the audit list has of before and after, field by field, in words. */
export function changesOf({ before, after }: { before: Values; after: Values }): Change[] {
  const fields = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  return fields.map((field) => ({
    field: field.replaceAll("_", " "),
    before: before && field in before ? shown(before[field]) : null,
    after: after && field in after ? shown(after[field]) : null,
  }));
}

function shown(value: unknown): string {
  if (value === null || value === "") return "nothing";
  return typeof value === "string" ? value : JSON.stringify(value);
}
