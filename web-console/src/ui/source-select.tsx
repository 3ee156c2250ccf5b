import { NativeSelect } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { sourcesQuery } from "../api/queries";

export function SourceSelect({ value, onChange }: { value?: string; onChange: (source?: string) => void }) {
  const { data } = useQuery(sourcesQuery);
  const names = new Set([...(data?.items.map(({ name }) => name) ?? []), ...(value ? [value] : [])]);
  return (
    <NativeSelect
      label="Source"
      value={value ?? ""}
      data={[{ value: "", label: "all" }, ...names]}
      onChange={(event) => onChange(event.currentTarget.value || undefined)}
    />
  );
}
