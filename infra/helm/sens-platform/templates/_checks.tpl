{{/*
What values can't be together. The schema has judged each value by itself; here stand the sentences for combinations, each with the
key and what to write instead. The first one found ends the render, so nothing reaches the cluster. A row is a condition and its
sentence; the rows lie in files by what they are about.
*/}}
{{- define "sens.checks" -}}
{{- include "checks.release" . -}}
{{- include "checks.configuration" . -}}
{{- include "checks.pods" . -}}
{{- include "checks.resources" . -}}
{{- include "checks.database" . -}}
{{- include "checks.databaseSizes" . -}}
{{- include "checks.nats" . -}}
{{- include "checks.mockBroker" . -}}
{{- include "checks.exposure" . -}}
{{- include "checks.hosts" . -}}
{{- include "checks.network" . -}}
{{- include "checks.scaling" . -}}
{{- include "checks.storage" . -}}
{{- include "checks.monitoring" . -}}
{{- end }}

{{- define "refuse.when" -}}
{{- if index . 0 }}{{ fail (index . 1) }}{{ end -}}
{{- end }}

{{- define "checks.release" -}}
{{- include "refuse.when" (list (gt (len .Release.Name) 30)
  (printf "the release's name %q is too long: names of pods are made of it; choose one of 30 characters or fewer" .Release.Name)) -}}
{{- include "refuse.when" (list (and .Values.smokeTest.enabled (not .Values.platformApi.enabled))
  "smokeTest.enabled: it asks platform-api, which is not installed; set platformApi.enabled to true or smokeTest.enabled to false") -}}
{{- end }}

{{- define "checks.configuration" -}}
{{- include "refuse.when" (list (not .Values.config)
  "config: no source is declared; write what sens.yaml would hold, at least one source with its broker and topics") -}}
{{- range $kind := list "sources" "tenants" -}}
  {{- $names := list -}}
  {{- range index $.Values.config $kind -}}
    {{- include "refuse.when" (list (has .name $names) (printf "config.%s: %q stands twice; give each its own name" $kind .name)) -}}
    {{- $names = append $names .name -}}
  {{- end -}}
{{- end -}}
{{- $worker := .Values.mqttIngestionWorker -}}
{{- $given := keys $worker.env -}}
{{- range $worker.secretRefs }}{{ $given = append $given .env }}{{ end -}}
{{- range .Values.config.sources -}}
  {{- $variable := (.password | default dict).env -}}
  {{- include "refuse.when" (list (and $variable (not $worker.envFrom) (not (has $variable $given)))
    (printf "config: the password of source %q is read from %s, which the ingestion worker does not have; add to mqttIngestionWorker.secretRefs: {env: %s, secret: NAME, key: KEY}" .name $variable $variable)) -}}
{{- end -}}
{{- range $name, $key := include "sens.running" . | fromYaml -}}
  {{- $values := index $.Values $key -}}
  {{- range $values.secretRefs -}}
  {{- include "refuse.when" (list (hasKey $values.env .env)
    (printf "%s: %s stands in env and in secretRefs; keep one" $key .env)) -}}
  {{- end -}}
{{- end -}}
{{- end }}
