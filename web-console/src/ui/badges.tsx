import type { Schemas } from "../api/client";
import type { LiveState } from "../api/live";

type SourceState = Schemas["Source"]["state"];

const SOURCE: Record<SourceState, [tone: string, words: string]> = {
  connected: ["good", "connected"],
  standby: ["good", "standby"],
  starting: ["warn", "starting"],
  away: ["bad", "broker away"],
  silent: ["bad", "no worker"],
  unknown: ["warn", "unknown"],
};

const LIVE: Record<LiveState, [tone: string, words: string]> = {
  live: ["good", "live"],
  connecting: ["warn", "connecting"],
  broken: ["bad", "not live, trying again"],
};

/** A state in colour and in words: colour alone tells nothing to many. */
export function Tone({ tone, children }: { tone: string; children: React.ReactNode }) {
  return (
    <span className={`${tone} nowrap`}>
      <span className="dot" aria-hidden="true" />
      {children}
    </span>
  );
}

export function SourceBadge({ state }: { state: SourceState }) {
  const [tone, words] = SOURCE[state];
  return <Tone tone={tone}>{words}</Tone>;
}

export function LiveBadge({ state }: { state: LiveState }) {
  const [tone, words] = LIVE[state];
  return (
    <span role="status">
      <Tone tone={tone}>{words}</Tone>
    </span>
  );
}
