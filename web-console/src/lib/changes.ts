import { formatInterval } from "./interval";
import { formatMoment } from "./time";

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
    field: FIELDS[field] ?? field.replaceAll("_", " "),
    before: before && field in before ? shown(field, before[field]) : null,
    after: after && field in after ? shown(field, after[field]) : null,
  }));
}

const FIELDS: Record<string, string> = {
  expected_interval_s: "expected interval",
  display_name: "name",
  precision: "decimal places",
  expires_at: "expires",
};

function shown(field: string, value: unknown): string {
  if (value === null || value === "") return "none";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (field.endsWith("_s") && typeof value === "number") return formatInterval(value).replace("every ", "");
  if (field.endsWith("_at") && typeof value === "string") return formatMoment(value);
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** What was done, as one says it: `device.update` is `changed`. */
export function actWords(action: string): string {
  return (
    ACTS[action] ?? ACTS[action.replace(/^\w+/, "*")] ?? action.replace(/^\w+\./, "").replaceAll("_", " ")
  );
}

const ACTS: Record<string, string> = {
  "*.create": "made",
  "*.update": "changed",
  "*.delete": "deleted",
  "*.revoke": "revoked",
  "*.discard": "discarded",
  "session.start": "logged in",
  "session.start_by_link": "logged in by a link",
  "session.end": "logged out",
  "user.set_up": "made by the setup link",
  "user.change_password": "changed the password",
  "user.make_login_link": "made a login link",
  "import.begin": "began an import",
  "import.finish": "finished an import",
};
