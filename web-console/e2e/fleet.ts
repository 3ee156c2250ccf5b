import { deviceWith, eventually, type Named, send } from "./harness";

const HOUR_S = 3600;
const HOUSES = ["north", "south", "east", "west", "nursery"];
export const SERIES_OF_FLEET = HOUSES.length;

/** A greenhouse at a moment: the sun warms it, and plants drink. The same whenever it is asked. */
function reading(house: number, ts: number): string {
  const day = Math.sin((2 * Math.PI * (ts - 9 * HOUR_S)) / 86_400);
  const weather = Math.sin(ts / 200_000 + house);
  const noise = Math.sin(ts * 12.9898 + house * 78.233);
  const temperature = 16 + 4 * house + 3 * day + 1.5 * weather + 0.9 * noise;
  return JSON.stringify({
    ts,
    temperature: Number(temperature.toFixed(2)),
    humidity: Number((64 - 9 * day - 4 * weather + noise).toFixed(1)),
    valve: day > 0.6,
  });
}

/** A month of five greenhouses by the half hour, and a cold store that fell silent. Published once a stack. */
export async function fleet(): Promise<void> {
  const now = Math.floor(Date.now() / 1000);
  const hour = now - (now % HOUR_S);
  for (const [index, house] of HOUSES.entries()) {
    const past = Array.from({ length: 1438 }, (_, n) => reading(index, hour - ((1438 - n) * HOUR_S) / 2));
    const recent = Array.from({ length: 30 }, (_, n) => reading(index, now - (29 - n) * 60));
    const id = await deviceWith(`greenhouse-${house}`, ...past, ...recent);
    await send("PATCH", `devices/${id}`, { label: `Greenhouse ${house}`, expected_interval_s: 600 });
  }
  const store = Array.from(
    { length: 20 },
    (_, n) => `{"ts": ${hour - (22 - n) * HOUR_S}, "temperature": ${(4 + Math.sin(n)).toFixed(1)}}`,
  );
  const id = await deviceWith("cold-store-2", ...store);
  await send("PATCH", `devices/${id}`, {
    label: "Cold store, cellar",
    note: "Serviced in May",
    expected_interval_s: 300,
  });
  await named();
}

async function named(): Promise<void> {
  const { items } = await eventually<Named & { items: { metric: string }[] }>(
    "/api/v1/series?q=greenhouse&limit=100",
    ({ items }) => items.length === 3 * SERIES_OF_FLEET,
  );
  for (const { id, metric } of items) {
    if (metric === "temperature") await send("PATCH", `series/${id}`, { unit: "°C", precision: 1 });
    if (metric === "humidity") await send("PATCH", `series/${id}`, { unit: "%", precision: 0 });
  }
}
