{{/* A metrics exporter beside an embedded server, port `metrics`. `args` and `env` are YAML. */}}
{{- define "sens.exporter" -}}
{{- $values := index .root.Values .key -}}
{{- if $values.metrics.enabled }}
- name: metrics-exporter
  image: {{ include "sens.image" (dict "image" $values.exporter.image "ours" false "root" .root "at" (printf "%s.exporter" .key)) }}
  imagePullPolicy: {{ $values.exporter.image.pullPolicy }}
  {{- .exporter | trim | nindent 2 }}
  ports:
    - name: metrics
      containerPort: {{ .metricsPort }}
      protocol: TCP
  resources:
    {{- toYaml $values.exporter.resources | nindent 4 }}
  securityContext:
    {{- include "sens.containerSecurity" . | nindent 4 }}
    runAsUser: {{ $values.exporter.runAsUser | int64 }}
    runAsGroup: {{ $values.exporter.runAsUser | int64 }}
  # Only the exporter is restarted when it hangs, never the server beside it.
  {{- include "sens.probes" (dict "probes" $values.probes "start" .exporterProbe "live" .exporterProbe "ready" .exporterProbe) | nindent 2 }}
{{- end }}
{{- end }}

{{- define "sens.tcpProbe" -}}
tcpSocket:
  port: {{ . }}
{{- end }}
