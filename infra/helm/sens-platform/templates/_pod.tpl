{{/*
Pieces that every pod is made of. A component is the dict of _names.tpl.
*/}}

{{/* What the restricted Pod Security Standard asks of a pod; ids come from the values because images differ. */}}
{{- define "sens.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ .runAsUser | int64 }}
runAsGroup: {{ .runAsGroup | int64 }}
fsGroup: {{ .fsGroup | int64 }}
# Only where the owner differs: walking a database's files at each start takes minutes.
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{/* What it asks of a container, and a root file system that nobody writes to. */}}
{{- define "sens.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* Where a pod may run. */}}
{{- define "sens.scheduling" -}}
{{- $values := index .root.Values .key -}}
{{- with $values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if $values.topologySpread.enabled }}
topologySpreadConstraints:
  - topologyKey: {{ $values.topologySpread.topologyKey }}
    maxSkew: {{ $values.topologySpread.maxSkew }}
    whenUnsatisfiable: {{ $values.topologySpread.whenUnsatisfiable }}
    labelSelector:
      matchLabels:
        {{- include "sens.selectorLabels" . | nindent 8 }}
{{- end }}
{{- with $values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{/*
A container's environment: `fixed` are values of the chart, which the component's `env` may override; `secret` are entries from
keys of Secrets: name -> {secret, key}; `secretRefs` of the component join them. Sorted, so that two renders are equal.
*/}}
{{- define "sens.env" -}}
{{- $values := index .root.Values .key -}}
{{- $plain := merge (dict) $values.env (.fixed | default dict) -}}
{{- $secret := merge (dict) (.secret | default dict) -}}
{{- range $values.secretRefs }}{{ $_ := set $secret .env (dict "secret" .secret "key" .key) }}{{ end -}}
{{- range $name, $from := $secret }}{{ $plain = omit $plain $name }}{{ end -}}
{{- if or $plain $secret }}
env:
  {{- range $name, $from := $secret }}
  - name: {{ $name }}
    valueFrom:
      secretKeyRef:
        name: {{ $from.secret }}
        key: {{ $from.key }}
  {{- end }}
  {{- range $name, $value := $plain }}
  - name: {{ $name }}
    value: {{ include "sens.text" $value | quote }}
  {{- end }}
  {{- if .instance }}
  - name: SENS_INSTANCE
    valueFrom:
      fieldRef:
        fieldPath: metadata.name
  {{- end }}
{{- end }}
{{- with $values.envFrom }}
envFrom:
  {{- range . }}
  - {{- toYaml (omit . "version") | nindent 4 }}
  {{- end }}
{{- end }}
{{- end }}

{{/* Probes with the times of the values; `start`, `live` and `ready` are how to ask, as YAML. */}}
{{- define "sens.probes" -}}
startupProbe:
  {{- .start | nindent 2 }}
  {{- toYaml .probes.startup | nindent 2 }}
livenessProbe:
  {{- .live | nindent 2 }}
  {{- toYaml .probes.liveness | nindent 2 }}
readinessProbe:
  {{- .ready | nindent 2 }}
  {{- toYaml .probes.readiness | nindent 2 }}
{{- end }}

{{/*
Annotations of a pod: sums of the configuration and versions of the Secrets that it reads, so that a change of them, and nothing
else, rolls it; and where Prometheus finds its metrics. `sums` maps a name to whatever a change of must roll the pod.
*/}}
{{- define "sens.podAnnotations" -}}
{{- $values := index .root.Values .key -}}
{{- range $name, $content := .sums }}
checksum/{{ $name }}: {{ $content | toString | sha256sum }}
{{- end }}
{{- if or $values.secretRefs $values.envFrom $values.extraVolumes }}
checksum/secrets: {{ toJson (list $values.secretRefs $values.envFrom $values.extraVolumes) | sha256sum }}
{{- end }}
{{- if and .metricsPort $values.metrics.enabled .root.Values.monitoring.annotations }}
prometheus.io/scrape: "true"
prometheus.io/port: {{ .metricsPort | quote }}
prometheus.io/path: /metrics
{{- end }}
{{- with $values.podAnnotations }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "sens.extraVolumeMounts" -}}
{{- range (index .root.Values .key).extraVolumes }}
- name: {{ .name }}
  mountPath: {{ .mountPath }}
  {{- with .subPath }}
  subPath: {{ . }}
  {{- end }}
  readOnly: true
{{- end }}
{{- end }}

{{- define "sens.extraVolumes" -}}
{{- range (index .root.Values .key).extraVolumes }}
- name: {{ .name }}
  {{- toYaml .volume | nindent 2 }}
{{- end }}
{{- end }}
