{{/* A size in bytes, as Kubernetes writes it ("20Gi", "1.5G", 1024) or PostgreSQL ("256MB"). */}}
{{- define "sens.bytes" -}}
{{- $text := toString . -}}
{{- $unit := regexFind "[A-Za-z]*$" $text -}}
{{- $of := dict "" 1 "m" 0.001
  "k" 1000 "M" 1000000 "G" 1000000000 "T" 1000000000000
  "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776
  "kB" 1024 "MB" 1048576 "GB" 1073741824 "TB" 1099511627776 -}}
{{- mulf (trimSuffix $unit $text | trim | float64) (get $of $unit) | int64 -}}
{{- end }}
