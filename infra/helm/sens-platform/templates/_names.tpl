{{/*
Names and labels. A component is a dict: root (the chart's context), key (its block in the values), name (in object names).
*/}}

{{- define "sens.name" -}}
{{ .root.Release.Name }}-{{ .name }}
{{- end }}

{{/* A value as text. Helm reads whole numbers from files as floats, and would write 1e+07 for ten million. */}}
{{- define "sens.text" -}}
{{- if and (kindIs "float64" .) (eq . (floor .)) }}{{ . | int64 }}{{ else }}{{ . }}{{ end -}}
{{- end }}

{{/* Labels by which Services, policies and controllers find pods: they never change. */}}
{{- define "sens.selectorLabels" -}}
app.kubernetes.io/name: sens-platform
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .name }}
{{- end }}

{{- define "sens.labels" -}}
{{ include "sens.selectorLabels" . }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/part-of: sens-platform
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{/* Start of every object: apiVersion and kind are passed, `suffix` makes a second name for the same component. */}}
{{- define "sens.metadata" -}}
name: {{ include "sens.name" . }}{{ with .suffix }}-{{ . }}{{ end }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "sens.labels" . | nindent 2 }}
  {{- with .moreLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
