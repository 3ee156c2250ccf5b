import { Button, NativeSelect } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { download, type FileFormat } from "../api/exports";
import type { Range } from "../lib/range";
import { Problem } from "./states";

interface DownloadProps {
  ids: readonly number[];
  range: Range;
  /** What is drawn. */
  resolution?: string;
}

const FORMATS: [FileFormat, string][] = [
  ["csv", "CSV"],
  ["parquet", "Parquet"],
];

/** The range as a file: what is drawn, or every reading of it. */
export function DownloadButtons({ ids, range, resolution = "auto" }: DownloadProps) {
  const [what, setWhat] = useState("shown");
  const save = useMutation({
    mutationFn: (format: FileFormat) =>
      download({
        ids,
        ...range,
        format,
        resolution: what === "shown" ? resolution : what,
      }),
  });
  return (
    <>
      <NativeSelect
        size="xs"
        aria-label="In the file"
        value={what}
        data={[
          { value: "shown", label: "as shown" },
          { value: "raw", label: "every reading" },
        ]}
        onChange={({ currentTarget }) => setWhat(currentTarget.value)}
      />
      <Button.Group>
        {FORMATS.map(([format, label]) => (
          <Button
            key={format}
            size="xs"
            variant="default"
            aria-label={`Download ${label}`}
            loading={save.isPending && save.variables === format}
            onClick={() => save.mutate(format)}
          >
            {label}
          </Button>
        ))}
      </Button.Group>
      {save.isError && <Problem error={save.error} />}
    </>
  );
}
